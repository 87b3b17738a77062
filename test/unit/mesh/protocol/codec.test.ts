import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Packr } from 'msgpackr';
import { decodeMessage, encodeMessage } from '../../../../src/mesh/protocol/codec.js';
import type { Lane, MeshMessage } from '../../../../src/mesh/protocol/messages.js';
import { helloOf } from '../../../sim/hand-link.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: false });
const O = 'abcdEF12';
const event = { n: 7, stream: 'a', type: 'message', data: 'töxt', key: undefined, age: 1.5 };
const row = { origin: O, floor: 3, floorAge: 10, lastAge: 0, listed: true };

const MESSAGES: readonly (readonly [Lane, MeshMessage])[] = [
  [
    'control',
    helloOf({
      have: [
        [O, 0],
        ['zzzzzzzz', Number.MAX_SAFE_INTEGER],
      ],
      capabilities: ['x'],
      dial: 3,
    }),
  ],
  ['control', { kind: 'have', have: [[O, 5]] }],
  ['control', { kind: 'ack', n: 9 }],
  ['control', { kind: 'state', state: 'draining' }],
  ['control', { kind: 'ping', id: 1 }],
  ['control', { kind: 'pong', id: 1 }],
  ['control', { kind: 'bye', reason: 'the pod ends' }],
  ['log', { kind: 'events', events: [event, { ...event, n: 8, key: 'k', data: '' }] }],
  ['log', { kind: 'skip', n: 4 }],
  ['fetch', { kind: 'fetch', id: 1, origin: O, after: 0, through: 10 }],
  ['fetch', { kind: 'found', id: 1, events: [event], through: 10 }],
  ['fetch', { kind: 'copy', id: 2 }],
  [
    'fetch',
    {
      kind: 'part',
      id: 2,
      streams: [{ name: 'a', rows: [row] }],
      events: [{ ...event, origin: O }],
      have: [[O, 7]],
      last: true,
    },
  ],
  ['fetch', { kind: 'who', id: 3 }],
  ['fetch', { kind: 'here', id: 3, clients: 5, streams: [['a', 4]], last: true }],
];

/** Lists as they are on the wire, of every message. */
function wire(message: MeshMessage): unknown[] {
  return packr.unpack(encodeMessage(message)) as unknown[];
}

function refuses(lane: Lane, value: unknown, what: string): void {
  assert.throws(() => decodeMessage(lane, packr.pack(value)), { code: 'ERR_PROTOCOL', initiator: 'remote' }, what);
}

/** Every place in a list, lists in it included. */
function* places(value: unknown, path: readonly number[] = []): Generator<readonly number[]> {
  if (!Array.isArray(value)) return;
  for (let i = 0; i < value.length; i++) {
    yield [...path, i];
    yield* places(value[i], [...path, i]);
  }
}

function at(value: unknown, path: readonly number[]): unknown {
  return path.reduce<unknown>((inner, i) => (Array.isArray(inner) ? (inner[i] as unknown) : undefined), value);
}

function withAt(value: unknown, path: readonly number[], put: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined || !Array.isArray(value)) return put;
  return value.map((item: unknown, i) => (i === first ? withAt(item, rest, put) : item));
}

describe('Mesh messages', () => {
  it('read as they were written', () => {
    for (const [lane, message] of MESSAGES) {
      assert.deepEqual(decodeMessage(lane, encodeMessage(message)), message, message.kind);
    }
  });

  it('may have fields behind those that are known', () => {
    for (const [lane, message] of MESSAGES) {
      assert.deepEqual(decodeMessage(lane, packr.pack([...wire(message), 'new', 1])), message, message.kind);
    }
  });

  it('are skipped when their type is not known', () => {
    for (const lane of ['control', 'log', 'fetch'] as const) {
      for (const type of [0, 98, 99, Number.MAX_SAFE_INTEGER]) {
        assert.equal(decodeMessage(lane, packr.pack([type, 'anything', []])), undefined);
      }
    }
  });

  it('are refused on a lane that is not theirs', () => {
    for (const [own, message] of MESSAGES) {
      for (const lane of ['control', 'log', 'fetch'] as const) {
        if (lane !== own) refuses(lane, wire(message), `${message.kind} on ${lane}`);
      }
    }
  });

  it('are refused with any field missing, or of any other kind', () => {
    const wrong = [undefined, true, -1, 0.5, Number.NaN, Infinity, 2 ** 53, {}, new Map(), 'x'.repeat(2_000_000)];
    for (const [lane, message] of MESSAGES) {
      const list = wire(message);
      for (const path of places(list)) {
        const was = at(list, path);
        for (const put of wrong) {
          const harmless =
            (path.length === 1 && path[0] === 0 && put === 0) || // It is of an unknown type then.
            (typeof put === typeof was && put === was) ||
            (was === null && put === undefined) || // No key.
            (typeof was === 'number' && put === 0.5 && isAge(message, path));
          const keyed = was === 'k' && put === undefined;
          if (!harmless && !keyed)
            refuses(lane, withAt(list, path, put), `${message.kind} with ${String(put).slice(0, 20)} at ${path}`);
        }
      }
      for (let length = 1; length < list.length; length++) {
        refuses(lane, list.slice(0, length), `${message.kind} of ${length} fields`);
      }
    }
  });

  it('are refused when they are no list, or broken off', () => {
    for (const value of [null, 1, 'hello', {}, new Map([[0, 1]]), true, []]) refuses('control', value, String(value));
    for (const [lane, message] of MESSAGES) {
      const bytes = encodeMessage(message);
      for (let end = 0; end < bytes.length; end++) {
        assert.throws(() => decodeMessage(lane, bytes.subarray(0, end)), { code: 'ERR_PROTOCOL' }, message.kind);
      }
    }
  });

  it('are refused with lists that are longer than they may be', () => {
    const position = [O, 1];
    const rows = Array.from({ length: 513 }, () => [O, 0, 0, 0, false]);
    refuses('control', [2, Array.from({ length: 4_097 }, () => position)], 'positions');
    refuses('log', [8, Array.from({ length: 4_097 }, () => [1, 'a', 'm', '', null, 0])], 'events');
    refuses('fetch', [13, 1, [['a', rows]], [], [], false], 'rows');
    refuses('fetch', [13, 1, Array.from({ length: 10_001 }, () => ['a', []]), [], [], false], 'streams');
    const hello = wire(helloOf());
    refuses(
      'control',
      withAt(
        hello,
        [6],
        Array.from({ length: 65 }, () => 'x'),
      ),
      'capabilities',
    );
  });

  it('bear no prototype of the peer', () => {
    const tricks = [
      ['__proto__', 1],
      [['__proto__', { polluted: true }]],
      { ['__proto__']: { polluted: true }, constructor: { prototype: { polluted: true } } },
      new Map<unknown, unknown>([['__proto__', { polluted: true }]]),
    ];
    for (const trick of tricks) {
      for (const [lane, message] of MESSAGES) {
        const list = wire(message);
        for (let i = 0; i < list.length; i++) {
          try {
            decodeMessage(lane, packr.pack(withAt(list, [i], trick)));
          } catch (error) {
            assert.equal((error as { code?: unknown }).code, 'ERR_PROTOCOL');
          }
        }
      }
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  it('may be nested as deep as a peer likes, and are refused', () => {
    for (const depth of [1_000, 200_000]) {
      const bytes = new Uint8Array(depth + 1).fill(0x91);
      bytes[depth] = 0xc0;
      assert.throws(() => decodeMessage('control', bytes), { code: 'ERR_PROTOCOL' });
    }
  });

  it('claim no more than is there', () => {
    // Lists and texts of four billion items, of which none follows.
    for (const head of [0xdd, 0xdb, 0xc6, 0xdf]) {
      const bytes = Uint8Array.of(0x92, 0x02, head, 0xff, 0xff, 0xff, 0xff);
      assert.throws(() => decodeMessage('control', bytes), { code: 'ERR_PROTOCOL' });
    }
  });
});

/** Ages are the only numbers that need not be whole. */
function isAge(message: MeshMessage, path: readonly number[]): boolean {
  const last = path.at(-1);
  if (message.kind === 'part') {
    const inRow = path[1] !== undefined && path[0] === 2 && path.length === 5;
    return (inRow && (last === 2 || last === 3)) || (path[0] === 3 && last === 5);
  }
  return (message.kind === 'events' || message.kind === 'found') && last === 5;
}
