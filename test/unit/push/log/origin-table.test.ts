import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OriginTable, type Missing } from '../../../../src/push/log/origin-table.js';

const [A, B, C, SELF] = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'mmmmmmmm'];
const AGE = 1_000;

function missing(
  table: OriginTable,
  vector: Readonly<Record<string, number>>,
  times: Readonly<Record<string, number>> = {},
  known: readonly string[] = [],
): Missing | undefined {
  return table.missing(
    new Map(Object.entries(vector)),
    (origin, n) => times[`${origin}${n}`],
    (origin) => known.includes(origin),
  );
}

describe('the cursors of a table', () => {
  it('have this run in its place among the others', () => {
    const table = new OriginTable(AGE, 8);
    assert.equal(table.cursor(SELF, 0), `${SELF}0`);
    table.appended('zzzzzzzz', 2, 0);
    table.appended(A, 1, 0);
    assert.equal(table.cursor(SELF, 5), `${A}1.${SELF}5.zzzzzzzz2`);
    table.appended(SELF, 4, 0);
    assert.equal(table.cursor(SELF, 6), `${A}1.${SELF}6.zzzzzzzz2`);
    const behind = new OriginTable(AGE, 8);
    behind.appended(A, 1, 0);
    assert.equal(behind.cursor('zzzzzzzz', 3), `${A}1.zzzzzzzz3`);
  });
  it('never go back, in whatever order events of one origin leave', () => {
    const table = new OriginTable(AGE, 8);
    table.appended(A, 5, 0);
    table.evicted(A, 5, 0);
    table.evicted(A, 3, 0);
    assert.deepEqual([table.floor(A), table.last(A)], [5, 5]);
    assert.equal(table.cursor(SELF, 0), `${A}5.${SELF}0`);
  });
});

describe('what a cursor misses', () => {
  it('is what has left behind it, by origin', () => {
    const table = new OriginTable(AGE, 8);
    for (let n = 1; n <= 4; n++) table.appended(A, n, n);
    table.evicted(A, 1, 1);
    table.evicted(A, 2, 2);
    assert.deepEqual(missing(table, { [A]: 1 }), {
      reason: 'expired',
      ranges: [{ origin: A, after: 1, through: 2 }],
    });
    assert.equal(missing(table, { [A]: 2 }), undefined);
    assert.deepEqual(missing(table, { [SELF]: 9 }, {}, [SELF])?.ranges, [{ origin: A, after: 0, through: 2 }]);
  });
  it('does not count an origin that had left the cursors when this one was given out', () => {
    const table = new OriginTable(AGE, 8);
    table.appended(A, 1, 0);
    table.evicted(A, 1, 0);
    table.appended(B, 7, 1_499);
    assert.deepEqual(missing(table, { [B]: 7 })?.ranges, [{ origin: A, after: 0, through: 1 }]);
    table.appended(B, 8, 1_500);
    assert.equal(missing(table, { [B]: 8 }), undefined);
    assert.deepEqual(missing(table, { [B]: 7 }, { [`${B}7`]: 1_499 })?.reason, 'expired');
    assert.deepEqual(missing(table, { [B]: 7 })?.reason, 'expired');
  });
  it('takes no age of a cursor from a loss', () => {
    const table = new OriginTable(AGE, 8);
    table.appended(A, 1, 0);
    table.evicted(A, 1, 0);
    table.appended(B, 7, 5_000, true);
    assert.deepEqual(missing(table, { [B]: 7 })?.ranges, [{ origin: A, after: 0, through: 1 }]);
  });
  it('is unknown for a run that nobody knows, whatever else is missing', () => {
    const table = new OriginTable(AGE, 8);
    table.appended(A, 1, 0);
    table.evicted(A, 1, 0);
    assert.deepEqual(missing(table, { [C]: 3 }), {
      reason: 'unknown-origin',
      ranges: [
        { origin: A, after: 0, through: 1 },
        { origin: C, after: 3, through: undefined },
      ],
    });
    assert.equal(missing(new OriginTable(AGE, 8), { [C]: 3 }, {}, [C]), undefined);
  });
});

describe('a table with very many origins', () => {
  it('forgets those that have been quiet longest, and takes every older cursor for one that misses something', () => {
    const table = new OriginTable(AGE, 8);
    for (let i = 0; i < 5_000; i++) {
      const origin = String(10_000_000 + i);
      table.appended(origin, 1, i);
      table.evicted(origin, 1, i);
    }
    assert.ok(table.rows <= 512);
    const last = { '10004999': 1, '10004998': 1, '10004997': 1, '10004996': 1, '10004995': 1, '10004994': 1 };
    assert.equal(missing(table, last)?.reason, 'expired');
    table.appended(A, 1, 20_000);
    assert.equal(missing(table, { [A]: 1 }), undefined);
    assert.ok(table.cursor(SELF, 0).split('.').length <= 8);
    assert.ok(table.floors().size <= 7);
  });
});

describe('tables together', () => {
  it('know what has left any of them', () => {
    const [one, two, both] = [new OriginTable(AGE, 8), new OriginTable(AGE, 8), new OriginTable(AGE, 8)];
    one.appended(A, 3, 0);
    one.evicted(A, 3, 0);
    two.appended(A, 5, 0);
    two.appended(B, 1, 0);
    both.mergeGone(one);
    both.mergeGone(two);
    assert.deepEqual([both.floor(A), both.last(A), both.last(B)], [3, 3, 0]);
    both.mergeLast(two);
    assert.deepEqual([both.last(A), both.last(B)], [5, 1]);
    assert.deepEqual(both.held(), new Set([A, B]));
    assert.deepEqual(both.newerThan(new Map([[A, 5]])), new Set([B]));
  });
});
