import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heartbeat } from '../../../../src/carrier/websocket/pings.js';
import { VirtualClock } from '../../../../src/testing/index.js';

test('a heartbeat that has stopped sets no timer, whatever is still read', () => {
  const clock = new VirtualClock();
  let timeouts = 0;
  const target = { ping: () => {}, pingTimeout: () => void timeouts++ };
  const heartbeat = new Heartbeat(clock, { period: 5_000, timeout: 61_000 }, target);
  assert.equal(clock.pending, 2);
  heartbeat.suspend();
  heartbeat.stop();
  heartbeat.resume();
  heartbeat.received(clock.now());
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  assert.equal(timeouts, 0);
});
