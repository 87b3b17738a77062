import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyOf, keyOfPath, targetsOf } from '../../../../src/push/longpoll/key.js';

describe('the key of a path', () => {
  for (const [path, key, directory] of [
    ['/v2/keys', '/', true],
    ['/v2/keys/', '/', true],
    ['/v2/keys/foo', '/foo', false],
    ['/v2/keys/foo/', '/foo', true],
    ['/v2/keys//foo//bar', '/foo/bar', false],
    ['/v2/keys/./foo/../bar', '/bar', false],
    ['/v2/keys/../../foo', '/foo', false],
    ['/v2/keys/%2e%2e/a%20b', '/a b', false],
    ['/v2/keys/a%2Fb', '/a/b', false],
    ['/v2/keys/%C3%A9', '/é', false],
  ] as const) {
    it(`${path} is ${key}`, () => assert.deepEqual(keyOfPath(path, '/v2/keys'), { key, directory }));
  }
  for (const path of ['/v2/keysfoo', '/v2', '/', '', '/v2/keys/%zz', '/v2/keys/%ff']) {
    it(`${JSON.stringify(path)} is none`, () => assert.equal(keyOfPath(path, '/v2/keys'), undefined));
  }
  it('may have no prefix', () => {
    assert.deepEqual(keyOfPath('/foo', ''), { key: '/foo', directory: false });
    assert.deepEqual(keyOfPath('/', ''), { key: '/', directory: true });
    assert.deepEqual(keyOfPath('', ''), { key: '/', directory: true });
  });
});

describe('what a key reads', () => {
  it('is its stream, or that and those below', () => {
    assert.equal(keyOf('a/b'), '/a/b');
    assert.deepEqual(targetsOf('/a/b', false), ['a/b']);
    assert.deepEqual(targetsOf('/a/b', true), ['a/b', 'a/b/*']);
    assert.deepEqual(targetsOf('/', true), ['*']);
  });
});
