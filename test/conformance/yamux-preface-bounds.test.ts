import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { YamuxConnectionOptions } from '../../src/yamux/index.js';
import { FIN, SYN, data, fin, rst, windowUpdate } from '../support/yamux-frames.js';
import { block, pack, preface, type PrefaceFields } from '../support/yamux-preface.js';
import { until } from '../support/yamux-raw.js';
import { client, reset, server } from './yamux-preface-support.js';
import { hex } from './yamux-wire-support.js';

// Sections 3 and 4 of the cases for the preface of docs/wire/yamux.md: what a peer cannot make us take.

describe('3 bounds of the preface', () => {
  /** The stream that opens with these bytes is reset, and the next one is served. */
  const refused = (what: string, bytes: Buffer, options: YamuxConnectionOptions = {}): void => {
    it(what, { timeout: 3000 }, async () => {
      const { connection, peer, frames, seen } = server(options);
      peer.write(data(1, bytes, SYN));
      await until(() => frames().includes(reset(1)));
      assert.equal(seen.streams.length, 0);
      peer.write(Buffer.concat([data(1, 'what was under way'), data(3, preface(), SYN)]));
      await until(() => seen.streams.length === 1);
      assert.equal(seen.streams[0]?.id, 3);
      await connection.close();
    });
  };
  const accepted = (what: string, fields: PrefaceFields, options: YamuxConnectionOptions = {}): void => {
    it(what, async () => {
      const { connection, peer, seen } = server(options);
      peer.write(data(1, preface(fields), SYN));
      await until(() => seen.streams.length === 1);
      await connection.close();
    });
  };
  const ofBytes = (bytes: number): PrefaceFields => {
    const empty = pack(new Map([['a', ['x'.repeat(300)]]])).length - 300;
    return [['a', ['x'.repeat(bytes - empty)]]];
  };

  accepted('3.1 maxHeaderBytes: as many', ofBytes(1000), { limits: { maxHeaderBytes: 1000 } });
  refused('3.2 one more', preface(ofBytes(1001)), { limits: { maxHeaderBytes: 1000 } });
  refused('3.3 a length of 65,535 is believed no further than its head', Buffer.from([1, 0xff, 0xff]), {
    limits: { maxHeaderBytes: 1000 },
  });
  accepted('3.4 maxHeaders: as many values', [['a', Array.from({ length: 5 }, String)]], { limits: { maxHeaders: 5 } });
  refused(
    '3.5 one more',
    preface([
      ['a', ['1', '2', '3']],
      ['b', ['4', '5', '6']],
    ]),
    { limits: { maxHeaders: 5 } },
  );
  refused(
    '3.6 as many names without values as one likes do not pass either',
    preface(Array.from({ length: 200 }, (_, index) => [`n${index}`, []] as const)),
  );

  it('3.7 ours does not send what it would not take', () => {
    const { connection } = client({ limits: { maxHeaderBytes: 1000 } });
    assert.throws(() => connection.openStream({ a: 'x'.repeat(1001) }), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(connection.streams.size, 0);
    return connection.close();
  });

  it('3.8 nor more than 16 bits can say', () => {
    const { connection } = client({ limits: { maxHeaderBytes: 1_000_000 } });
    assert.throws(() => connection.openStream({ a: 'x'.repeat(70_000) }), { code: 'ERR_INVALID_ARGUMENT' });
    return connection.close();
  });

  it('3.9 nor too many headers', () => {
    const { connection } = client({ limits: { maxHeaders: 5 } });
    assert.throws(() => connection.openStream({ a: ['1', '2', '3', '4', '5', '6'] }), { code: 'ERR_INVALID_ARGUMENT' });
    return connection.close();
  });

  const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), hex('c0')]);
  for (const [what, body] of [
    ['nothing at all', Buffer.alloc(0)],
    ['nil', pack(null)],
    ['a number', pack(5)],
    ['a string', pack('a')],
    ['a list', pack([['a', ['b']]])],
    ['names that are numbers', pack(new Map([[1, ['a']]]))],
    ['names that are lists', pack(new Map([[['a'], ['a']]]))],
    ['values that are no list', pack(new Map([['a', 'b']]))],
    ['values that are numbers', pack(new Map([['a', [1]]]))],
    ['values that are lists', pack(new Map([['a', [['b']]]]))],
    ['values that are binary', pack(new Map([['a', [Buffer.from('b')]]]))],
    ['bytes behind the map', Buffer.concat([pack(new Map()), hex('00')])],
    ['a map cut off', hex('82a16191')],
    ['a map that claims 4,294,967,295 entries', hex('dfffffffff')],
    ['a list that claims 4,294,967,295 entries', hex('81a161ddffffffff')],
    ['a name of 4 GiB', hex('81dbffffffff61')],
    ['the byte that msgpack never uses', hex('c1')],
    ['a time', hex('d6ff00000000')],
    ['an unknown extension', hex('d40100')],
    ['a record definition of msgpackr', hex('d47240 91a161 91a162')],
    ['a map with an extension as value', hex('81a161d40100')],
    ['lists in lists, 60,000 deep', nested(60_000)],
    ['maps in maps, 30,000 deep', Buffer.concat([Buffer.alloc(60_000, hex('81c0')), hex('c0')])],
    ['a name outside the grammar', pack(new Map([['a b', ['c']]]))],
    ['an empty name', pack(new Map([['', ['c']]]))],
    ['a name with a line break', pack(new Map([['a\r\nb', ['c']]]))],
    ['a value with a line break', pack(new Map([['a', ['b\r\nc: d']]]))],
    ['a value with NUL', pack(new Map([['a', ['b\0c']]]))],
  ] as const) {
    refused(`3.10 malformed: ${what}`, block(1, body));
  }

  it('3.11 the end inside a preface resets the stream', async () => {
    const { connection, peer, frames, seen } = server();
    peer.write(Buffer.concat([data(1, preface().subarray(0, 2), SYN), fin(1), windowUpdate(3, 0, SYN | FIN)]));
    await until(() => frames().includes(reset(1)) && frames().includes(reset(3)));
    assert.equal(seen.streams.length, 0);
    await connection.close();
  });

  it("3.12 a reset inside a preface is nobody's business", async () => {
    const { connection, peer, frames, seen } = server();
    peer.write(Buffer.concat([data(1, preface().subarray(0, 2), SYN), rst(1), data(3, preface(), SYN)]));
    await until(() => seen.streams.length === 1);
    assert.ok(!frames().includes(reset(1)));
    await connection.close();
  });
});

describe('4 names', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'hasownproperty', 'tostring', 'valueof']) {
    it(`4.1 ${name} is a name like any other`, async () => {
      const { connection, peer, seen } = server();
      peer.write(data(1, preface([[name, ['x']]]), SYN));
      await until(() => seen.streams.length === 1);
      const headers = seen.streams[0]?.headers;
      assert.deepEqual(headers?.getAll(name), ['x']);
      assert.equal(headers?.get('polluted'), undefined);
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).includes('x'), false);
      await connection.close();
    });
  }

  it('4.2 a name twice in other cases: all its values', async () => {
    const { connection, peer, seen } = server();
    peer.write(
      data(
        1,
        preface([
          ['A', ['1']],
          ['a', ['2', '3']],
        ]),
        SYN,
      ),
    );
    await until(() => seen.streams.length === 1);
    assert.deepEqual(seen.streams[0]?.headers.getAll('a'), ['1', '2', '3']);
    await connection.close();
  });

  it('4.3 the same name twice in the map: at most its last values, and no harm', async () => {
    const { connection, peer, seen } = server();
    peer.write(data(1, block(1, hex('82 a161 91a131 a161 91a132')), SYN));
    await until(() => seen.streams.length === 1);
    assert.deepEqual(seen.streams[0]?.headers.getAll('a').at(-1), '2');
    await connection.close();
  });
});
