import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { InvalidArgumentError, StreamHeaders } from '../../../src/index.js';

const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.string({ maxLength: 12 }).filter((text) => !/[\0\r\n]/.test(text));

describe('StreamHeaders', () => {
  it('keeps all values in order, by name without regard to case', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (list) => {
        const headers = new StreamHeaders(list);
        for (const [key] of list) {
          const expected = list.filter(([other]) => other.toLowerCase() === key.toLowerCase()).map(([, text]) => text);
          assert.deepEqual(headers.getAll(key.toUpperCase()), expected);
          assert.equal(headers.get(key), expected[0]);
          assert.ok(headers.has(key));
        }
        assert.equal(headers.size, new Set(list.map(([key]) => key.toLowerCase())).size);
        assert.equal([...headers].length, list.length);
        assert.deepEqual([...new StreamHeaders(headers)], [...headers]);
        assert.deepEqual(new Map(new StreamHeaders([...headers]).entries()), new Map(headers.entries()));
      }),
      { seed: 8 },
    );
  });

  it('takes records with single, several and no values', () => {
    const headers = new StreamHeaders({ One: '1', Two: ['a', 'b'], None: undefined, Empty: [] });
    assert.deepEqual(
      [...headers],
      [
        ['one', '1'],
        ['two', 'a'],
        ['two', 'b'],
      ],
    );
    assert.equal(headers.get('none'), undefined);
    assert.deepEqual(headers.getAll('none'), []);
  });

  it('knows no name but its own', () => {
    const headers = new StreamHeaders();
    for (const key of ['__proto__', 'constructor', 'toString']) assert.equal(headers.has(key), false);
    assert.equal(new StreamHeaders([['__proto__', 'x']]).get('__proto__'), 'x');
  });

  for (const bad of ['', ' ', 'a b', 'a:', 'ä', 'a\r', '(a)', 'a\0', 'a/b', 'a"']) {
    it(`refuses the name ${JSON.stringify(bad)}`, () =>
      assert.throws(() => new StreamHeaders([[bad, 'x']]), InvalidArgumentError));
  }
  for (const bad of ['\r', '\n', '\0', 'a\r\nb: c']) {
    it(`refuses the value ${JSON.stringify(bad)} without repeating it`, () => {
      assert.throws(
        () => new StreamHeaders({ name: `secret${bad}` }),
        (error) => error instanceof InvalidArgumentError && !error.message.includes('secret'),
      );
    });
  }
});

it('values that untyped callers got wrong are refused', () => {
  const init: Record<string, string> = Object.assign({ name: 'a' }, { name: 5 });
  assert.throws(() => new StreamHeaders(init), InvalidArgumentError);
});
