import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SpdyResponseUpgrader, SpdyRoundTripper, newSpdyServerConnection } from '../../src/spdy/index.js';
import { VirtualClock, duplexPair } from '../../src/testing/index.js';
import { FrameFactory, data } from '../support/frames.js';
import { upgradeRequest } from '../support/upgrade-request.js';
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

it('a client that does not take its refusal: the socket is destroyed after upgradeTimeout', async () => {
  const clock = new VirtualClock();
  const [peer, ours] = duplexPair({ highWaterMark: 1 });
  const upgrader = new SpdyResponseUpgrader({ clock });
  assert.equal(upgrader.upgradeResponse(upgradeRequest({}), ours, Buffer.alloc(0), () => {}), undefined);
  await turns(5);
  clock.advance(9999);
  assert.equal(ours.destroyed, false);
  clock.advance(1);
  assert.equal(ours.destroyed, true);
  peer.destroy();
});

it('a server that answers an upgrade a byte per 10 s: TimeoutError, and the socket is gone', async () => {
  const clock = new VirtualClock();
  const [ours, server] = duplexPair();
  server.resume();
  const dialing = new SpdyRoundTripper({ clock }).dial({
    url: 'http://slow.example/',
    dialer: async () => await Promise.resolve(ours),
  });
  const failed = assert.rejects(dialing, { code: 'ERR_TIMEOUT', milliseconds: 10_000 });
  await turns(5);
  server.write('H');
  await turns(5);
  clock.advance(9999);
  server.write('T');
  await turns(5);
  assert.equal(ours.destroyed, false);
  clock.advance(1);
  await failed;
  assert.equal(ours.destroyed, true);
  assert.equal(clock.pending, 0);
});

it('a dialer that never answers: TimeoutError', async () => {
  const clock = new VirtualClock();
  const dialing = new SpdyRoundTripper({ clock }).dial({
    url: 'http://slow.example/',
    dialer: async () => await new Promise(() => {}),
    timeout: 500,
  });
  const failed = assert.rejects(dialing, { code: 'ERR_TIMEOUT', milliseconds: 500 });
  await turns(5);
  clock.advance(500);
  await failed;
});

it('a refusal whose body never ends: TimeoutError, and the socket is gone', async () => {
  const clock = new VirtualClock();
  const [ours, server] = duplexPair();
  server.resume();
  const dialing = new SpdyRoundTripper({ clock }).dial({
    url: 'http://slow.example/',
    dialer: async () => await Promise.resolve(ours),
  });
  const failed = assert.rejects(dialing, { code: 'ERR_TIMEOUT' });
  server.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno');
  await turns(10);
  clock.advance(10_000);
  await failed;
  assert.equal(ours.destroyed, true);
});
