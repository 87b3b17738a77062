import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alarm } from '../../../src/clock/alarm.js';
import type { Clock } from '../../../src/clock/clock.js';
import { VirtualClock } from '../../../src/testing/index.js';

function setUp(): { clock: VirtualClock; alarm: Alarm; fired: number[]; timers: () => number } {
  const clock = new VirtualClock(1000);
  const fired: number[] = [];
  let timers = 0;
  const counting: Clock = {
    now: () => clock.now(),
    setTimeout: (callback, milliseconds) => {
      timers++;
      return clock.setTimeout(callback, milliseconds);
    },
  };
  const alarm = new Alarm(counting, () => fired.push(clock.now()));
  return { clock, alarm, fired, timers: () => timers };
}

describe('Alarm', () => {
  it('calls back once, at its deadline', () => {
    const { clock, alarm, fired } = setUp();
    alarm.set(1500);
    clock.advance(499);
    assert.deepEqual(fired, []);
    clock.advance(1);
    clock.advance(10_000);
    assert.deepEqual(fired, [1500]);
  });

  it('a later deadline costs no timer and holds', () => {
    const { clock, alarm, fired, timers } = setUp();
    alarm.set(1100);
    for (let at = 1101; at <= 1200; at++) alarm.set(at);
    assert.equal(timers(), 1);
    clock.advance(1000);
    assert.deepEqual(fired, [1200]);
    assert.equal(timers(), 2);
  });

  it('an earlier deadline holds', () => {
    const { clock, alarm, fired } = setUp();
    alarm.set(5000);
    alarm.set(1010);
    clock.advance(10_000);
    assert.deepEqual(fired, [1010]);
  });

  it('can be cleared, set again, and postponed only while set', () => {
    const { clock, alarm, fired } = setUp();
    alarm.postpone(1100);
    clock.advance(200);
    assert.deepEqual(fired, []);
    alarm.set(1300);
    alarm.set(undefined);
    clock.advance(200);
    assert.deepEqual(fired, []);
    alarm.set(1500);
    alarm.postpone(1600);
    clock.advance(1000);
    assert.deepEqual(fired, [1600]);
  });

  it('a deadline that has passed fires on the next turn of the clock', () => {
    const { clock, alarm, fired } = setUp();
    alarm.set(500);
    assert.deepEqual(fired, []);
    clock.advance(0);
    assert.deepEqual(fired, [1000]);
  });

  it('cancel lets go of the timer', () => {
    const { clock, alarm, fired } = setUp();
    alarm.set(1100);
    alarm.cancel();
    alarm.cancel();
    assert.equal(clock.pending, 0);
    clock.advance(1000);
    assert.deepEqual(fired, []);
    alarm.set(2100);
    clock.advance(1000);
    assert.deepEqual(fired, [2100]);
  });

  it('can be set by its own callback', () => {
    const clock = new VirtualClock();
    let count = 0;
    const alarm: Alarm = new Alarm(clock, () => {
      if (++count < 3) alarm.set(clock.now() + 10);
    });
    alarm.set(10);
    clock.advance(100);
    assert.equal(count, 3);
  });
});
