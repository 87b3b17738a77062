import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  StatusError,
} from '../../../src/apiserver/index.js';

const is400 = (error: StatusError): boolean => error instanceof StatusError && error.status.code === 400;

describe('field selectors', () => {
  it('are parsed with all operators, and escapes', () => {
    assert.deepEqual(parseFieldSelector(String.raw`a=b,c==d,e!=f,,g=h\,i\=j\\`), [
      { field: 'a', operator: '=', value: 'b' },
      { field: 'c', operator: '=', value: 'd' },
      { field: 'e', operator: '!=', value: 'f' },
      { field: 'g', operator: '=', value: String.raw`h,i=j\ `.trim() },
    ]);
    assert.deepEqual(parseFieldSelector(''), []);
  });

  for (const text of ['foo', 'a=b,foo', String.raw`a=\x`, 'a=b=c']) {
    it(`refuse ${text}`, () => assert.throws(() => parseFieldSelector(text), is400));
  }

  it('match', () => {
    const fields = { 'metadata.name': 'a' };
    assert.ok(matchesFields(parseFieldSelector('metadata.name=a,other!=b'), fields));
    assert.ok(!matchesFields(parseFieldSelector('metadata.name!=a'), fields));
    assert.ok(!matchesFields(parseFieldSelector('metadata.name=a,other=b'), fields));
  });
});

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', size: '7', 'example.com/x': '' };
  const yes = [
    '', 'app', '!nope', 'app=web', 'app==web', 'app!=db', 'nope!=x', 'app in (db, web)', 'app notin (db)',
    'nope notin (db)', 'size>6', 'size<8', 'app=web,tier=front', 'app in (web,db),tier', 'example.com/x=', ' app = web ',
  ]; // prettier-ignore
  const no = ['nope', '!app', 'app=db', 'app!=web', 'app in (db)', 'app notin (web,db)', 'size>7', 'app>1', 'app,nope'];
  for (const text of yes) {
    it(`${JSON.stringify(text)} matches`, () => assert.ok(matchesLabels(parseLabelSelector(text), labels)));
  }
  for (const text of no) {
    it(`${JSON.stringify(text)} does not match`, () => assert.ok(!matchesLabels(parseLabelSelector(text), labels)));
  }
  for (const text of ['a=b=c', 'app in web', 'app in (a', 'size>x', '-a', 'a,,b', 'a in (_)', 'A_/b=c']) {
    it(`refuse ${text}`, () => assert.throws(() => parseLabelSelector(text), is400));
  }

  it('are refused in time that grows with their length only', () => {
    // With backtracking, each of these would take minutes.
    const many = 2 ** 20;
    for (const text of [`a=${' '.repeat(many)}!`, `${','.repeat(many)}(`, `${'a'.repeat(many)}!`]) {
      assert.throws(() => parseLabelSelector(text), is400);
    }
  });

  it('do not look at inherited properties', () => {
    assert.ok(!matchesLabels(parseLabelSelector('constructor'), labels));
  });
});
