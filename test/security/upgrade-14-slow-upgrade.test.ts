import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { VirtualClock, duplexPair } from '../../src/testing/index.js';
import { upgradeRequest } from '../support/upgrade-request.js';
import { turns } from './spdy-support.js';

// Row 14: an upgrade of which a byte comes per 10 seconds, or nothing.

it('a client that does not take its refusal: the socket is destroyed after upgradeTimeout', async () => {
  const clock = new VirtualClock();
  const [peer, ours] = duplexPair({ highWaterMark: 1 });
  const upgrader = new SpdyResponseUpgrader({ clock });
  assert.equal(
    upgrader.upgradeResponse(upgradeRequest({}), ours, Buffer.alloc(0), () => {}),
    undefined,
  );
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

it('a refusal whose body never ends: given up on time, with its status, and the socket is gone', async () => {
  const clock = new VirtualClock();
  const [ours, server] = duplexPair();
  server.resume();
  const dialing = new SpdyRoundTripper({ clock }).dial({
    url: 'http://slow.example/',
    dialer: async () => await Promise.resolve(ours),
  });
  const failed = assert.rejects(dialing, { code: 'ERR_UPGRADE_FAILURE', statusCode: 403, body: 'no' });
  server.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno');
  await turns(10);
  clock.advance(10_000);
  await failed;
  assert.equal(ours.destroyed, true);
});
