import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entrySegments, segmentsBelow, staysInside } from '../../../../src/remotecommand/copy/entry-path.js';
import { meansContents, meansFolder, splitRemote } from '../../../../src/remotecommand/copy/remote-path.js';

describe('paths of the container', () => {
  for (const [path, folder, base] of [
    ['/a/b', '/a', 'b'],
    ['/a/b/', '/a', 'b'],
    ['/a/b/.', '/a/b/.', '.'],
    ['/a/b/..', '/a/b/..', '.'],
    ['a', '.', 'a'],
    ['/a', '/', 'a'],
    ['/', '/', '.'],
    ['.', '.', '.'],
    ['-C', '.', '-C'],
    ['/a/-rf', '/a', '-rf'],
  ] as const) {
    it(`${path} is ${base} in ${folder}`, () => assert.deepEqual(splitRemote(path), { folder, base }));
  }

  it('mean a folder where they end in a slash or dots', () => {
    assert.deepEqual(['a/', 'a/.', 'a/..', '.', '..', '/'].map(meansFolder), Array(6).fill(true));
    assert.deepEqual(['a', 'a.', 'a..', '/a/...', '.a'].map(meansFolder), Array(5).fill(false));
  });

  it('mean the contents where they end in a dot', () => {
    assert.deepEqual(['a/.', '.', './', '/.'].map(meansContents), Array(4).fill(true));
    assert.deepEqual(['a', 'a/', 'a/..', '..', '.a', 'a.'].map(meansContents), Array(6).fill(false));
  });
});

describe('names of entries', () => {
  it('are taken apart', () => {
    assert.deepEqual(entrySegments('./a//b/./c/'), ['a', 'b', 'c']);
    assert.deepEqual(segmentsBelow('a', 'a/b'), ['b']);
    assert.deepEqual(segmentsBelow('a', 'a/'), []);
    assert.deepEqual(segmentsBelow('.', './a'), ['a']);
  });

  for (const name of ['/etc/passwd', '..', 'a/../b', '../a', 'a/..', 'a\0b']) {
    it(`are refused where they lead, or may lead, out: ${JSON.stringify(name)}`, () =>
      assert.throws(() => segmentsBelow('a', name), { code: 'ERR_COPY', reason: 'unsafe-entry' }));
  }

  it('are refused where nobody asked for them', () => {
    for (const name of ['b', 'ab', '.', '']) {
      assert.throws(() => segmentsBelow('a', name), { code: 'ERR_COPY', reason: 'bad-archive' });
    }
  });
});

describe('symbolic links', () => {
  for (const [at, link, inside] of [
    ['l', 'x', true],
    ['l', './x/y', true],
    ['l', '.', true],
    ['l', '..', false],
    ['l', '../x', false],
    ['l', '/x', false],
    ['l', '', false],
    ['l', 'x\0', false],
    ['d/l', '../x', true],
    ['d/l', '..', true],
    ['d/l', '../..', false],
    ['d/e/l', '../../x', true],
    ['d/e/l', '../../../x', false],
    // x may be a link itself, and then x/.. is anywhere.
    ['d/l', 'x/../y', false],
    ['d/l', '.././../x', false],
  ] as const) {
    it(`${at} → ${JSON.stringify(link)} ${inside ? 'stays inside' : 'may lead out'}`, () =>
      assert.equal(staysInside(at.split('/'), link), inside));
  }
});
