import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { pack, Packr } from 'msgpackr';
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES } from '../../src/mesh/protocol/codec.js';
import type { Lane, MeshMessage } from '../../src/mesh/protocol/messages.js';
import { helloOf } from '../sim/hand-link.js';
import { handPair, HandWorld } from '../sim/hand-wire.js';

const LANES: readonly Lane[] = ['control', 'log', 'fetch'];
const event = { n: 1, stream: 'a', type: 'message', data: 'x', key: undefined, age: 1 };

const GENUINE: readonly (readonly [Lane, MeshMessage])[] = [
  ['control', helloOf({ have: [['ZZZZZZZZ', 7]], capabilities: ['presence'] })],
  ['control', { kind: 'have', have: [['ZZZZZZZZ', 7]] }],
  ['control', { kind: 'missed', missed: [['ZZZZZZZZ', 7]] }],
  ['control', { kind: 'ack', n: 7 }],
  ['control', { kind: 'state', state: 'draining' }],
  ['control', { kind: 'ping', id: 7 }],
  ['control', { kind: 'bye', reason: 'enough' }],
  ['log', { kind: 'events', events: [event, { ...event, n: 2, key: 'k' }] }],
  ['log', { kind: 'skip', n: 9 }],
  ['fetch', { kind: 'fetch', id: 1, origin: 'ZZZZZZZZ', after: 0, through: 9 }],
  ['fetch', { kind: 'found', id: 1, events: [event], through: 9 }],
  ['fetch', { kind: 'copy', id: 1 }],
  ['fetch', { kind: 'part', id: 1, streams: [], events: [{ ...event, origin: 'ZZZZZZZZ' }], have: [], last: true }],
  ['fetch', { kind: 'who', id: 1 }],
  ['fetch', { kind: 'here', id: 1, clients: 1, streams: [['a', 1]], last: true }],
];

/** Nested deeper than any reader's stack. */
function nested(depth: number): Buffer {
  return Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
}

/** Bytes that are no message, by what they try. */
const CORPUS: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'a byte that msgpack never uses': Buffer.from([0xc1]),
  'nesting without end': nested(200_000),
  'a list that claims 2^32 items': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1]),
  'a map that claims 2^32 entries': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 1]),
  'text that claims 4 GiB': Buffer.from([0x92, 9, 0xdb, 0xff, 0xff, 0xff, 0xff, 1]),
  'bytes that claim 4 GiB': Buffer.from([0x92, 9, 0xc6, 0xff, 0xff, 0xff, 0xff, 1]),
  'an extension that claims 4 GiB': Buffer.from([0xc9, 0xff, 0xff, 0xff, 0xff, 0x72, 1]),
  'a record definition': Buffer.from(new Packr({ useRecords: true }).pack({ kind: 'hello', origin: 'x' })),
  'a map with the name of a prototype': pack(new Map([['__proto__', { polluted: true }]])),
  'a list with a constructor in it': pack([2, { constructor: { prototype: { polluted: true } } }]),
  'a cycle': Buffer.from(structuredCloned()),
  'a date': pack([4, new Date(0)]),
  'an error': pack([4, new Error('x')]),
  'a big number': pack([4, 2n ** 63n]),
  'a number that is none': pack([4, NaN]),
  'a number without end': pack([4, Infinity]),
  'half a number': pack([4, 1.5]),
  'a number below 0': pack([4, -1]),
  'a number past what is safe': pack([4, 2 ** 53]),
  'text for a number': pack([4, '7']),
  'an origin that is none': pack([2, [['__proto__', 1]]]),
  'an origin with a dot': pack([2, [['ZZZZ.ZZZ', 1]]]),
  'more origins than there are': pack([
    2,
    Array.from({ length: 4_097 }, (_, i) => [i.toString(36).padStart(8, '0'), 1]),
  ]),
  'fields that are missing': pack([1, 1]),
  'no list': pack({ type: 1 }),
  'a type that is none': pack(['hello']),
};

function structuredCloned(): Uint8Array {
  const value: unknown[] = [2];
  value.push(value);
  return new Packr({ structuredClone: true }).pack(value);
}

describe('Row 26: messages of hostile peers', () => {
  for (const [name, bytes] of Object.entries(CORPUS)) {
    it(`end a link, and nothing else: ${name}`, () => {
      for (const lane of LANES) {
        const world = new HandWorld();
        const pod = world.addPod('AAAAAAAA', 'a');
        const [far, near] = handPair();
        pod.node.accept(near);
        far.send('control', encodeMessage(helloOf()));
        near.deliver();
        assert.equal(pod.node.links.size, 1);
        far.send(lane, bytes);
        near.deliver();
        assert.equal(near.over, true, lane);
        assert.deepEqual([pod.node.links.size, pod.log.history('*').length, pod.log.have().size <= 2], [0, 0, true]);
        assert.equal(Reflect.get({}, 'polluted'), undefined);
        pod.node.close();
      }
    });
  }

  it('are read as what they are or refused, whatever is changed in them', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GENUINE),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(200),
        ([lane, message], changes, cut) => {
          const bytes = Buffer.from(encodeMessage(message));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const given = cut < bytes.length && cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
          for (const each of LANES) {
            try {
              const read = decodeMessage(each as 'control', given);
              if (read !== undefined) assert.equal(typeof read.kind, 'string');
            } catch (error) {
              assert.equal((error as { code?: string }).code, 'ERR_PROTOCOL', `${lane} ${String(error)}`);
            }
          }
        },
      ),
      { numRuns: 2_000 },
    );
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });

  it('have allow-listed keys only, whatever is added to them', () => {
    for (const [lane, message] of GENUINE) {
      const list = new Packr({ useRecords: false }).unpack(encodeMessage(message)) as unknown[];
      list.push({ __proto__: 1 }, 'more');
      const read = decodeMessage(lane as 'control', new Packr({ useRecords: false }).pack(list));
      assert.deepEqual(read, message);
    }
  });

  it('are not read past their size', () => {
    const world = new HandWorld();
    const pod = world.addPod('AAAAAAAA', 'a');
    const [far, near] = handPair();
    pod.node.accept(near);
    far.send('control', encodeMessage(helloOf()));
    near.deliver();
    far.send('log', new Uint8Array(MAX_MESSAGE_BYTES + 1));
    near.deliver();
    assert.equal(near.over, true);
    pod.node.close();
  });

  it('cannot ask on and on without taking the answers', () => {
    const world = new HandWorld();
    const pod = world.addPod('AAAAAAAA', 'a');
    for (let n = 0; n < 500; n++) pod.log.publish('a', 'x'.repeat(1_000));
    const [far, near] = handPair();
    pod.node.accept(near);
    far.send('control', encodeMessage(helloOf()));
    near.deliver();
    const pass = near.send.bind(near);
    let sent = 0;
    near.send = (lane, bytes) => {
      sent += bytes.length;
      return pass(lane, bytes) && lane !== 'fetch';
    };
    const ask = encodeMessage({ kind: 'fetch', id: 1, origin: 'AAAAAAAA', after: 0, through: 500 });
    for (let i = 0; i < 10_000 && !near.over; i++) {
      far.send('fetch', ask);
      near.deliver();
    }
    assert.equal(near.over, true);
    assert.ok(sent < 1024 * 1024, `${sent} bytes`);
    for (let i = 0; i < 10; i++) assert.equal(pod.node.links.size, 0);
    pod.node.close();
  });
});
