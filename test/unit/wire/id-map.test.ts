import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, assert as check, constantFrom, integer, oneof, property, tuple } from 'fast-check';
import { IdMap } from '../../../src/wire/id-map.js';

const id = oneof(integer({ min: 1, max: 40 }), integer({ min: 1, max: 2 ** 31 - 1 }));

describe('map by stream id', () => {
  it('holds what a Map holds, in the order of ids', () => {
    const steps = array(tuple(constantFrom('set', 'delete', 'clear'), id), { maxLength: 200 });
    check(
      property(steps, (taken) => {
        const map = new IdMap<string>();
        const model = new Map<number, string>();
        for (const [index, [what, key]] of taken.entries()) {
          if (what === 'set') {
            map.set(key, `${index}`);
            model.set(key, `${index}`);
          } else if (what === 'delete') {
            assert.equal(map.delete(key), model.delete(key));
          } else if (index % 50 === 0) {
            map.clear();
            model.clear();
          }
          assert.equal(map.get(key), model.get(key));
          assert.equal(map.has(key), model.has(key));
          assert.equal(map.size, model.size);
        }
        const sorted = [...model].toSorted(([a], [b]) => a - b);
        assert.deepEqual([...map], sorted);
        assert.deepEqual([...map.entries()], sorted);
        assert.deepEqual(
          [...map.keys()],
          sorted.map(([key]) => key),
        );
        assert.deepEqual(
          [...map.values()],
          sorted.map(([, value]) => value),
        );
        const seen: [number, string][] = [];
        map.forEach((value, key) => seen.push([key, value]));
        assert.deepEqual(seen, sorted);
      }),
    );
  });

  it('can be emptied while it is walked through', () => {
    const map = new IdMap<string>();
    for (const key of [5, 1, 3]) map.set(key, `stream ${key}`);
    const seen: string[] = [];
    for (const value of map.values()) {
      seen.push(value);
      map.delete(3);
      map.set(7, 'late');
    }
    assert.deepEqual(seen, ['stream 1', 'stream 5']);
    assert.equal(map.size, 3);
  });

  it('knows no name that objects inherit', () => {
    const map = new IdMap<string>();
    assert.equal(map.has(0), false);
    assert.equal(map.get(0), undefined);
    assert.equal(map.delete(0), false);
    assert.equal(map.size, 0);
  });
});
