import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCursor, isOrigin, longestCursor, parseCursor, raise } from '../../../../src/push/log/cursor.js';
import { InvalidCursorError } from '../../../../src/push/log/errors.js';

const A = 'aaaaaaaa';
const B = 'bbbbbbbb';

describe('the text of a cursor', () => {
  it('has the entries in the order of their origins, whatever order they came in', () => {
    const vector = new Map([
      [B, 62],
      ['AAAAAAAA', 1],
      [A, 0],
    ]);
    assert.equal(formatCursor(vector), 'AAAAAAAA1.aaaaaaaa0.bbbbbbbb10');
    assert.deepEqual(
      parseCursor(formatCursor(vector), 3),
      new Map([
        ['AAAAAAAA', 1],
        [A, 0],
        [B, 62],
      ]),
    );
  });
  it('is never longer than what so many entries can take', () => {
    const vector = new Map(Array.from({ length: 40 }, (_, i) => [`aaaaaa${10 + i}`, Number.MAX_SAFE_INTEGER] as const));
    const text = formatCursor(vector);
    assert.equal(text.length, longestCursor(40));
    assert.deepEqual(parseCursor(text, 40), vector);
  });
  it('is refused when it is not what is written: each change to one makes another or none', () => {
    const good = `${A}1.${B}10`;
    for (const text of [
      '',
      '.',
      'undefined',
      good.slice(1),
      `${good}.`,
      `.${good}`,
      `${A}.${B}1`,
      `${A}1..${B}1`,
      `${B}1.${A}1`,
      `${A}1.${A}2`,
      `${A}01`,
      `${A}-1`,
      `${A}1,${B}1`,
      `${A}1 `,
      `${A}1\n`,
      `${A}zzzzzzzzz`,
      'aaaa',
      'ééééééééé',
      '*',
    ]) {
      assert.throws(() => parseCursor(text, 128), InvalidCursorError, JSON.stringify(text));
    }
  });
  it('is refused for its length or number of entries', () => {
    assert.throws(() => parseCursor('a'.repeat(1 << 20), 128), /too long/);
    assert.throws(() => parseCursor(`${A}1.${B}1`, 1), InvalidCursorError);
    assert.throws(() => parseCursor(`${A}1.${B}1.cccccccc1`, 2), InvalidCursorError);
  });
  it('is refused when it is no text at all', () => {
    for (const value of [undefined, null, 5, {}, [`${A}1`]]) {
      assert.throws(() => parseCursor(value as never, 128), InvalidCursorError);
    }
  });
});

describe('vectors', () => {
  it('are raised entry by entry', () => {
    const vector = new Map([
      [A, 5],
      [B, 1],
    ]);
    raise(
      vector,
      new Map([
        [A, 3],
        [B, 2],
        ['cccccccc', 0],
      ]),
    );
    assert.deepEqual(
      [...vector],
      [
        [A, 5],
        [B, 2],
        ['cccccccc', 0],
      ],
    );
  });
  it('have 8 letters and digits for an origin', () => {
    for (const text of ['abcdefg', 'abcdefghi', 'abcdefg-', 'abcdefg.', '']) assert.equal(isOrigin(text), false);
    assert.equal(isOrigin('09azAZ00'), true);
  });
});
