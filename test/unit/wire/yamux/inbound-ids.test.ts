import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { InboundIds } from '../../../../src/wire/yamux/inbound-ids.js';

describe('InboundIds', () => {
  it('takes each id once, in whatever order, as a set would', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), fc.array(fc.nat(60), { maxLength: 80 }), (first, picks) => {
        const ids = new InboundIds(first);
        const used = new Set<number>();
        for (const pick of picks) {
          const id = first + 2 * pick;
          assert.equal(ids.open(id), !used.has(id));
          used.add(id);
          for (let other = first; other <= first + 130; other += 2) assert.equal(ids.opened(other), used.has(other));
        }
      }),
      { numRuns: 200, seed: 31 },
    );
  });

  it('takes a jump over all ids, and then those that were passed over', () => {
    const ids = new InboundIds(1);
    assert.ok(ids.open(2 ** 32 - 1));
    assert.ok(ids.open(1));
    assert.ok(ids.open(2 ** 31 + 1));
    assert.ok(!ids.open(2 ** 32 - 1));
    assert.ok(!ids.opened(3));
  });

  it('keeps 256 ranges: what was passed over before counts as used', () => {
    const ids = new InboundIds(1);
    // 1, 5, 9…: passes over 3, 7, 11…
    for (let i = 0; i <= 257; i++) assert.ok(ids.open(1 + 4 * i));
    assert.ok(!ids.open(3));
    assert.ok(ids.opened(3));
    assert.ok(ids.open(7));
    for (let i = 2; i < 257; i++) assert.ok(ids.open(3 + 4 * i));
  });

  it('splitting ranges makes no more of them either', () => {
    const ids = new InboundIds(1);
    assert.ok(ids.open(4001));
    for (let id = 3; id < 2000; id += 4) assert.ok(ids.open(id));
    assert.ok(!ids.open(1), 'its range was dropped');
  });
});
