import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newSpdyServerConnection } from '../../src/spdy/index.js';
import { VirtualClock, duplexPair } from '../../src/testing/index.js';
import { FrameFactory, data } from '../support/frames.js';
import { turns } from './spdy-support.js';

// Row 14: one byte per 10 seconds, in every phase.

it('a control frame that comes a byte per 10 s: closed after frameTimeout', async () => {
  const clock = new VirtualClock();
  const [peer, ours] = duplexPair();
  const connection = newSpdyServerConnection(ours, () => {}, { pingPeriod: 0, clock });
  peer.resume();
  const frame = new FrameFactory().synStream(1);
  let kind: string | undefined;
  void connection.closed.then((reason) => (kind = reason.kind));
  peer.write(frame.subarray(0, 1));
  await turns(5);
  clock.advance(9999);
  await turns(5);
  assert.equal(kind, undefined);
  clock.advance(1);
  await turns(5);
  clock.advance(3000);
  const { error } = await connection.closed;
  assert.match(String(error), /not finished in 10000 ms/);
});

it('frameTimeout: a frame that is finished in time is taken', async () => {
  const clock = new VirtualClock();
  const [peer, ours] = duplexPair();
  let started = 0;
  const connection = newSpdyServerConnection(ours, () => void started++, { pingPeriod: 0, clock });
  peer.resume();
  const frame = new FrameFactory().synStream(1);
  peer.write(frame.subarray(0, 9));
  await turns(5);
  clock.advance(9999);
  peer.write(frame.subarray(9));
  await turns(5);
  clock.advance(100_000);
  await turns(5);
  assert.equal(started, 1);
  peer.destroy();
  await connection.closed;
});

it('data that comes a byte per 10 s keeps an idle timeout of 15 s away, and its end does not', async () => {
  const clock = new VirtualClock();
  const [peer, ours] = duplexPair();
  const connection = newSpdyServerConnection(ours, (stream) => void stream.resume(), {
    pingPeriod: 0,
    clock,
    idleTimeout: 15_000,
  });
  peer.resume();
  let kind: string | undefined;
  void connection.closed.then((reason) => (kind = reason.kind));
  const frame = data(1, 'x'.repeat(10));
  peer.write(Buffer.concat([new FrameFactory().synStream(1), frame.subarray(0, 8)]));
  for (let i = 8; i < 18; i++) {
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
