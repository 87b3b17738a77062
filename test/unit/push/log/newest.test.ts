import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Entry } from '../../../../src/push/log/entry.js';
import { newestOf } from '../../../../src/push/log/newest.js';
import { Ring } from '../../../../src/push/log/ring.js';
import { seededRandom } from '../../../../src/testing/random.js';

function entry(index: number): Entry {
  return new Entry({ kind: 'loss', origin: 'aaaaaaaa', after: 0, n: index, stream: undefined, index, time: 0 }, '');
}

function rings(lists: readonly (readonly number[])[]): Ring<Entry>[] {
  return lists.map((list) => {
    const ring = new Ring<Entry>();
    for (const index of list) ring.push(entry(index));
    return ring;
  });
}

function newest(lists: readonly (readonly number[])[], most: number): { indexes: number[]; from: readonly number[] } {
  const { entries, from } = newestOf(rings(lists), most);
  return { indexes: entries.map(({ item }) => item.index), from };
}

describe('the newest entries of several rings', () => {
  it('come oldest first, with where each ring was left', () => {
    assert.deepEqual(newest([[1, 4, 6], [], [2, 3, 5]], 3), { indexes: [4, 5, 6], from: [1, 0, 2] });
    assert.deepEqual(newest([[1, 4, 6], [], [2, 3, 5]], 9), { indexes: [1, 2, 3, 4, 5, 6], from: [0, 0, 0] });
    assert.deepEqual(newest([], 3), { indexes: [], from: [] });
  });
  it('count once what stands in all rings', () => {
    assert.deepEqual(
      newest(
        [
          [1, 5],
          [2, 5],
          [3, 5],
        ],
        3,
      ),
      { indexes: [2, 3, 5], from: [1, 0, 0] },
    );
  });
  it('are those of sorting everything', () => {
    const random = seededRandom(7);
    for (let run = 0; run < 200; run++) {
      const lists: number[][] = Array.from({ length: 1 + Math.floor(random() * 12) }, () => []);
      for (let index = 1; index < 60; index++) lists[Math.floor(random() * lists.length)]?.push(index);
      const most = 1 + Math.floor(random() * 70);
      const expected = lists
        .flat()
        .toSorted((a, b) => a - b)
        .slice(-most);
      const { indexes, from } = newest(lists, most);
      assert.deepEqual(indexes, expected);
      const taken = lists.flatMap((list, at) => list.slice(from[at])).toSorted((a, b) => a - b);
      assert.deepEqual(taken, expected);
    }
  });
});
