import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Expiry } from '../../../../src/push/log/expiry.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';

describe('Expiry', () => {
  it('wakes up once, at the first moment that it was set for', () => {
    const clock = new VirtualClock(500);
    const times: number[] = [];
    const expiry = new Expiry(clock, () => times.push(clock.now()));
    expiry.arm(undefined);
    assert.equal(clock.pending, 0);
    expiry.arm(5_000);
    expiry.arm(9_000);
    assert.equal(clock.pending, 1);
    clock.advance(20_000);
    assert.deepEqual(times, [5_000]);
  });
  it('wakes up no more than once a second', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const expiry = new Expiry(clock, () => {
      times.push(clock.now());
      if (clock.now() < 4_000) expiry.arm(clock.now() + 1);
    });
    expiry.arm(1);
    clock.advance(10_000);
    assert.deepEqual(times, [1_000, 2_000, 3_000, 4_000]);
  });
  it('does not wake up once it was cancelled', () => {
    const clock = new VirtualClock();
    const expiry = new Expiry(clock, () => assert.fail());
    expiry.arm(5_000);
    expiry.cancel();
    expiry.cancel();
    clock.advance(10_000);
    assert.equal(clock.pending, 0);
  });
});
