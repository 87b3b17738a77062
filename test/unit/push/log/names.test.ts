import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import {
  checkEventType,
  checkStreamName,
  checkTargets,
  isPattern,
  matches,
  wellFormed,
} from '../../../../src/push/log/names.js';

describe('names of streams', () => {
  it('are any well-formed text without control characters, up to 256 characters', () => {
    for (const name of ['a', 'orders/1', 'Bestellungen für Zoë', '注文', '😀', 'a b', '__proto__', 'x'.repeat(256)]) {
      assert.equal(checkStreamName(name), name);
    }
    for (const name of ['', 'x'.repeat(257), 'a\nb', 'a\rb', 'a\0b', 'a\u007F', 'a\u0085', '\uD83D', 'a*']) {
      assert.throws(() => checkStreamName(name), InvalidArgumentError, JSON.stringify(name));
    }
    for (const value of [undefined, null, 5, {}, ['a']]) {
      assert.throws(() => checkStreamName(value as never), InvalidArgumentError);
    }
  });
  it('may not be those of event types that the log uses itself', () => {
    assert.equal(checkEventType('order.created'), 'order.created');
    assert.equal(checkEventType('a*'), 'a*');
    assert.throws(() => checkEventType('gap'), InvalidArgumentError);
    assert.throws(() => checkEventType('a\nb'), InvalidArgumentError);
  });
});

describe('what a follower asks for', () => {
  it('is put into one order, without repeats', () => {
    assert.deepEqual(checkTargets('b'), ['b']);
    assert.deepEqual(checkTargets(['b', 'a*', 'b']), ['a*', 'b']);
  });
  it('is refused when it is nothing, too much or no names', () => {
    for (const streams of [[], '', ['a', ''], undefined, null, 5, {}, [5], [['a']]]) {
      assert.throws(() => checkTargets(streams as never), InvalidArgumentError, JSON.stringify(streams));
    }
    const many = Array.from({ length: 64 }, (_, i) => `s${i}`);
    assert.equal(checkTargets(many).length, 64);
    assert.throws(() => checkTargets([...many, 'more']), InvalidArgumentError);
    assert.throws(() => checkTargets('*********'), InvalidArgumentError);
    assert.equal(checkTargets('********').length, 1);
  });
});

describe('patterns', () => {
  it('have stars that stand for any characters, none included', () => {
    const cases: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
      ['*', '', true],
      ['*', 'anything/at/all', true],
      ['a*', 'a', true],
      ['a*', 'ba', false],
      ['*a', 'aba', true],
      ['*a', 'ab', false],
      ['a*b*c', 'a-b-b-c', true],
      ['a*b*c', 'acb', false],
      ['**', 'x', true],
      ['*ab*ab', 'abab', true],
      ['*ab*ab', 'ab', false],
      ['😀*', '😀😀', true],
    ];
    for (const [pattern, text, expected] of cases) {
      assert.equal(isPattern(pattern), true, pattern);
      assert.equal(matches([pattern], text), expected, `${pattern} and ${text}`);
    }
  });
  it('are told from names, which mean themselves', () => {
    assert.equal(isPattern('a.c'), false);
    assert.equal(matches(['b', 'a.c'], 'a.c'), true);
    assert.equal(matches(['b', 'a.c'], 'abc'), false);
  });
  it('never go back by more than one star', () => {
    // With one level of going back per star this would not end in our time.
    assert.equal(matches(['*a*a*a*a*a*a*a*b'], 'a'.repeat(256)), false);
  });
});

describe('text', () => {
  it('has halves of pairs replaced, as UTF-8 would', () => {
    assert.equal(wellFormed('a\uD83Db\uDE00'), 'a\uFFFDb\uFFFD');
    assert.equal(wellFormed('😀'), '😀');
    assert.equal(wellFormed('\uDE00\uD83D'), '\uFFFD\uFFFD');
  });
});
