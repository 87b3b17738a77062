import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

it('the virtual clock fires in order of time, then of setting, and nested timers when due', () => {
  const clock = new VirtualClock(100);
  const fired: string[] = [];
  clock.setTimeout(() => fired.push(`b ${clock.now()}`), 20);
  clock.setTimeout(() => {
    fired.push(`a ${clock.now()}`);
    clock.setTimeout(() => fired.push(`nested ${clock.now()}`), 5);
  }, 10);
  clock.setTimeout(() => fired.push(`c ${clock.now()}`), 20);
  const cancelled = clock.setTimeout(() => fired.push('never'), 1);
  cancelled.cancel();
  clock.setTimeout(() => fired.push('later'), 1_000);
  clock.advance(50);
  assert.deepEqual(fired, ['a 110', 'nested 115', 'b 120', 'c 120']);
  assert.equal(clock.now(), 150);
  assert.equal(clock.pending, 1);
});
