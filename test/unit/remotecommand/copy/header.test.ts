import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { END_OF_ARCHIVE, encodeHeader, padding, type EntryHeader } from '../../../../src/remotecommand/copy/header.js';
import { readTar } from '../../../support/tar.js';

async function* archive(...entries: readonly EntryHeader[]): AsyncGenerator<Buffer> {
  for (const entry of entries)
    yield Buffer.concat([encodeHeader(entry), Buffer.alloc(entry.size), padding(entry.size)]);
  yield END_OF_ARCHIVE;
}

const BASE = { type: 'file', mode: 0o640, mtime: 1_600_000_000_000, size: 0 } as const;

describe('archive headers, read by tar-stream', () => {
  for (const [what, name] of [
    ['100 bytes', 'n'.repeat(100)],
    ['101 bytes', 'n'.repeat(101)],
    ['a name of 4,000 bytes', `${'d/'.repeat(1990)}${'n'.repeat(20)}`],
    ['spaces, newlines and quotes', ' a\nb"c\'d\\e '],
    ['letters that are not ASCII', 'Zürich/東京/😀'],
    ['many letters that are not ASCII', '東'.repeat(90)],
    ['a dash at the beginning', '--checkpoint-action=exec=x'],
  ] as const) {
    it(`name with ${what}`, async () => {
      const [entry] = await readTar(archive({ ...BASE, name }));
      assert.deepEqual([entry?.name, entry?.type, entry?.mode, entry?.size], [name, 'file', 0o640, 0]);
      assert.equal(entry?.mtime?.getTime(), BASE.mtime);
    });
  }

  it('link targets, short and long', async () => {
    for (const link of ['../x', 'ü'.repeat(90)]) {
      const [entry] = await readTar(archive({ ...BASE, type: 'symlink', name: 'l', link }));
      assert.deepEqual([entry?.name, entry?.type, entry?.link], ['l', 'symlink', link]);
    }
  });

  it('folders, long ones as well', async () => {
    for (const name of ['d', 'd'.repeat(150)]) {
      const [entry] = await readTar(archive({ ...BASE, type: 'folder', name }));
      assert.deepEqual([entry?.name, entry?.type], [`${name}/`, 'directory']);
    }
  });

  it('one entry after another, padded to whole blocks', async () => {
    const entries = await readTar(
      archive(...[0, 1, 511, 512, 513].map((size) => ({ ...BASE, name: `f${size}`, size }))),
    );
    assert.deepEqual(
      entries.map(({ name, body }) => [name, body.length]),
      [0, 1, 511, 512, 513].map((size) => [`f${size}`, size]),
    );
  });

  it('sizes at and past what octal digits can tell', () => {
    const size = (bytes: number): string =>
      encodeHeader({ ...BASE, name: 'f', size: bytes })
        .subarray(124, 136)
        .toString('hex');
    assert.equal(size(8 ** 11 - 1), `${'37'.repeat(11)}00`);
    assert.equal(size(8 ** 11), '800000000000000200000000');
  });

  it('times before 1970 become 1970', async () => {
    const [entry] = await readTar(archive({ ...BASE, name: 'f', mtime: -5000 }));
    assert.equal(entry?.mtime?.getTime(), 0);
  });
});
