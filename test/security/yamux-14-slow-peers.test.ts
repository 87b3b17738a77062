import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { SYN, data, fin, syn } from '../support/yamux-frames.js';
import { preface } from '../support/yamux-preface.js';
import { rawPeer, turns, until } from '../support/yamux-raw.js';

// Row 14: one byte per 10 seconds, in every phase.

it('a frame head that comes a byte per 10 s: closed after frameTimeout', async () => {
  const clock = new VirtualClock();
  const { connection, peer } = rawPeer('server', () => {}, { clock });
  let kind: string | undefined;
  void connection.closed.then((reason) => (kind = reason.kind));
  peer.write(syn(1).subarray(0, 1));
  await turns(5);
  clock.advance(9999);
  await turns(5);
  assert.equal(kind, undefined);
  clock.advance(1);
  await turns(5);
  clock.advance(3000);
  assert.match(String((await connection.closed).error), /not finished in 10000 ms/);
});

it('frameTimeout: a head that is finished in time is taken', async () => {
  const clock = new VirtualClock();
  let started = 0;
  const { connection, peer } = rawPeer('server', () => void started++, { clock });
  peer.write(syn(1).subarray(0, 11));
  await turns(5);
  clock.advance(9999);
  peer.write(syn(1).subarray(11));
  await turns(5);
  clock.advance(100_000);
  await turns(5);
  assert.equal(started, 1);
  peer.destroy();
  await connection.closed;
});

it('a preface that comes a byte per 10 s: its stream is reset after frameTimeout, the others go on', async () => {
  const clock = new VirtualClock();
  const ids: number[] = [];
  const { connection, peer, frames } = rawPeer('server', (stream) => void ids.push(stream.id), {
    clock,
    headers: true,
  });
  const first = preface([['a', ['b']]]);
  peer.write(Buffer.concat([syn(1), data(3, first, SYN)]));
  await turns(5);
  clock.advance(5000);
  peer.write(data(1, first.subarray(0, 1)));
  await turns(5);
  clock.advance(4999);
  await turns(5);
  assert.ok(!frames().includes('WINDOW 1 rst 0'));
  clock.advance(1);
  await turns(5);
  assert.ok(frames().includes('WINDOW 1 rst 0'));
  // What still comes of it is nobody's.
  peer.write(Buffer.concat([data(1, first.subarray(1)), data(5, first, SYN)]));
  await until(() => ids.length === 2);
  assert.deepEqual(ids, [3, 5]);
  assert.equal(connection.streams.size, 2);
  await connection.close();
});

it('a preface that is finished in time is taken', async () => {
  const clock = new VirtualClock();
  const ids: number[] = [];
  const { connection, peer } = rawPeer('server', (stream) => void ids.push(stream.id), { clock, headers: true });
  const first = preface();
  peer.write(data(1, first.subarray(0, 2), SYN));
  await turns(5);
  clock.advance(9999);
  peer.write(data(1, first.subarray(2)));
  await until(() => ids.length === 1);
  // The answer is out.
  await turns(20);
  clock.advance(100_000);
  await turns(5);
  assert.equal(connection.streams.size, 1);
  await connection.close();
});

it('prefaces that never come, without end: at most acceptBacklog wait, and none after frameTimeout', async () => {
  const clock = new VirtualClock();
  const { connection, peer, frames } = rawPeer('server', () => assert.fail('no handler'), { clock, headers: true });
  peer.write(Buffer.concat(Array.from({ length: 100 }, (_, index) => syn(2 * index + 1))));
  await until(() => frames().length >= 36);
  await turns(5);
  assert.equal(frames().filter((line) => line.endsWith('rst 0')).length, 36);
  clock.advance(10_000);
  await turns(5);
  assert.equal(frames().filter((line) => line.endsWith('rst 0')).length, 100);
  peer.write(syn(1001));
  await turns(5);
  assert.ok(!frames().includes('WINDOW 1001 rst 0'), 'there is room again');
  await connection.close();
});

it('an answer that never comes: createStream gives up, and the stream is reset', async () => {
  const clock = new VirtualClock();
  const { connection, frames } = rawPeer('client', () => {}, { clock, headers: true });
  const created = connection.createStream({});
  created.catch(() => {});
  await turns(5);
  clock.advance(29_999);
  await turns(5);
  assert.equal(connection.streams.size, 1);
  clock.advance(1);
  await assert.rejects(created, { code: 'ERR_TIMEOUT' });
  await turns(5);
  assert.ok(frames().includes('WINDOW 1 rst 0'));
  assert.equal(connection.streams.size, 0);
  await connection.close();
});

it('data that comes a byte per 10 s keeps an idle timeout of 15 s away, and its end does not', async () => {
  const clock = new VirtualClock();
  const { connection, peer } = rawPeer('server', (stream) => void stream.resume(), { clock, idleTimeout: 15_000 });
  let kind: string | undefined;
  void connection.closed.then((reason) => (kind = reason.kind));
  const frame = data(1, 'x'.repeat(10));
  peer.write(Buffer.concat([syn(1), frame.subarray(0, 12)]));
  for (let i = 12; i < 22; i++) {
    await turns(5);
    clock.advance(10_000);
    peer.write(frame.subarray(i, i + 1));
  }
  await turns(5);
  assert.equal(kind, undefined);
  clock.advance(15_000);
  await turns(5);
  clock.advance(3000);
  assert.equal((await connection.closed).kind, 'idle-timeout');
});

it('a refused opener that neither reads nor ends is reset after frameTimeout', async () => {
  const clock = new VirtualClock();
  const { connection, peer, frames } = rawPeer('server', (stream) => stream.refuse('refused', 'no'), {
    clock,
    headers: true,
  });
  peer.write(Buffer.concat([data(1, preface(), SYN), data(3, preface(), SYN)]));
  await until(() => frames().filter((line) => line.endsWith('fin 0')).length === 2);
  assert.equal(connection.streams.size, 0, 'for the user they are over');
  peer.write(fin(3));
  await turns(5);
  clock.advance(9999);
  await turns(5);
  assert.ok(!frames().some((line) => line.endsWith('rst 0')));
  clock.advance(1);
  await turns(5);
  assert.deepEqual(
    frames().filter((line) => line.endsWith('rst 0')),
    ['WINDOW 1 rst 0'],
  );
  await connection.close();
});
