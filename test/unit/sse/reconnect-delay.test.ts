import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { ReconnectDelay } from '../../../src/sse/reconnect-delay.js';

describe('ReconnectDelay', () => {
  it('is the reconnection time after a stream that was good, and after one failure', () => {
    const delay = new ReconnectDelay({ jitter: 0 });
    delay.ended(0, true);
    assert.equal(delay.next(3_000), 3_000);
    delay.ended(-1, false);
    assert.equal(delay.next(3_000), 3_000);
    delay.ended(-1, false);
    assert.equal(delay.next(3_000), 6_000);
    delay.ended(-1, false);
    delay.ended(-1, false);
    delay.ended(-1, false);
    assert.equal(delay.next(3_000), 30_000);
    delay.ended(5_000, false);
    assert.equal(delay.next(3_000), 3_000);
  });
  it('grows for a server that opens and ends at once without an event', () => {
    const delay = new ReconnectDelay({ jitter: 0 });
    for (let i = 0; i < 11; i += 1) delay.ended(0, false);
    assert.equal(delay.next(0), 1_024);
  });
  it('never falls below the reconnection time, nor beyond the larger bound and the spread', () => {
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.nat(3_000),
        fc.nat(1_000),
        fraction,
        fraction,
        (time, failures, spread, jitter, random) => {
          const delay = new ReconnectDelay({ jitter, spread, random: () => random });
          for (let i = 0; i < failures; i += 1) delay.ended(-1, false);
          const wait = delay.next(time);
          assert.ok(wait >= time && wait <= Math.max(time, 30_000) + spread, String(wait));
        },
      ),
      { numRuns: 100 },
    );
  });
  it('spreads the first wait too', () => {
    const delay = new ReconnectDelay({ spread: 1_000, random: () => 0.25 });
    delay.ended(10_000, true);
    assert.equal(delay.next(3_000), 3_250);
  });
  it('has a source of randomness of its own', () => {
    const delay = new ReconnectDelay({ spread: 1_000_000 });
    const waits = new Set(Array.from({ length: 20 }, () => delay.next(0)));
    assert.ok(waits.size > 1);
  });
});
