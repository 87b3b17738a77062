import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Numbered } from '../../../../src/push/log/numbered.js';
import { seededRandom } from '../../../../src/testing/random.js';

describe('Numbered', () => {
  it('does what a map does, whatever goes', () => {
    const random = seededRandom(7);
    const ours = new Numbered<string>();
    const map = new Map<number, string>();
    let n = 0;
    for (let i = 0; i < 20_000; i++) {
      if (random() < 0.6) {
        // Now and then far ahead, as after events that this log never had.
        n += random() < 0.001 ? 1_000_000_007 : 1 + Math.floor(random() * 3);
        ours.set(n, String(n));
        map.set(n, String(n));
      } else {
        const keys = [...map.keys()].slice(0, 40);
        const gone = keys[Math.floor(random() * keys.length)] ?? n + 1;
        assert.equal(ours.delete(gone), map.delete(gone));
      }
      assert.equal(ours.size, map.size);
      assert.equal(ours.get(n), map.get(n));
    }
    assert.deepEqual([...ours.values()], [...map.values()]);
    for (const key of map.keys()) assert.equal(ours.get(key), map.get(key));
  });

  it('keeps nothing of what is gone', () => {
    const ours = new Numbered<number>();
    for (let n = 1; n <= 200; n++) ours.set(n, n);
    for (let n = 1; n <= 200; n++) assert.equal(ours.delete(n), true);
    assert.equal(ours.size, 0);
    assert.equal(ours.delete(5), false);
    assert.equal(ours.get(5), undefined);
    assert.deepEqual([...ours.values()], []);
    ours.set(5, 5);
    assert.equal(ours.get(5), 5);
  });
});
