import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBase62, isBase62, randomBase62, toBase62 } from '../../../../src/push/log/base62.js';

const read = (text: string): number => fromBase62(text, 0, text.length);

describe('numbers in base 62', () => {
  it('are written and read back, from 0 to the largest safe integer', () => {
    const numbers = [0, 1, 9, 10, 61, 62, 3_843, 3_844, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    for (const number of numbers) assert.equal(read(toBase62(number)), number);
    assert.deepEqual([0, 9, 10, 36, 61, 62].map(toBase62), ['0', '9', 'A', 'a', 'z', '10']);
  });
  it('sort as their texts do when these are of one length', () => {
    const texts = [100, 200, 999, 1_000, 3_843].map(toBase62);
    assert.deepEqual(texts.toSorted(), texts);
  });
  it('have one text each: leading zeros, signs, spaces and other scripts are none', () => {
    for (const text of ['', '00', '01', '-1', '+1', ' 1', '1 ', '1.', '1_', 'é', '\u0661', '\u{1D7CF}']) {
      assert.equal(read(text), -1, JSON.stringify(text));
    }
  });
  it('beyond the largest safe integer are refused, however long', () => {
    assert.equal(read(toBase62(Number.MAX_SAFE_INTEGER).replace(/.$/, 'z')), -1);
    assert.equal(read('zzzzzzzzz'), -1);
    assert.equal(read('z'.repeat(400)), -1);
  });
  it('are read from the middle of a text', () => {
    assert.equal(fromBase62('..10..', 2, 4), 62);
    assert.equal(fromBase62('10', 1, 1), -1);
    assert.equal(fromBase62('10', 2, 1), -1);
  });
});

describe('digits of base 62', () => {
  it('are picked by a source of numbers in [0, 1)', () => {
    const fractions = [0, 0.5, 0.999_999];
    assert.equal(
      randomBase62(3, () => fractions.shift() ?? 0),
      '0Vz',
    );
  });
  it('are told from other characters, and from the end of the text', () => {
    assert.equal(isBase62('azAZ09'), true);
    assert.equal(isBase62('a-b'), false);
    assert.equal(isBase62('a-b', 2, 3), true);
    assert.equal(isBase62('ab', 0, 3), false);
    assert.equal(isBase62(''), true);
  });
});
