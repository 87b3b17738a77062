// A container that answers `tar cf` with an archive of its own making: nothing may be written outside the destination.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { copyFrom, type CopyWarning } from '../../src/remotecommand/index.js';
import { tarEntries } from '../../src/remotecommand/copy/entries.js';
import { container, gives } from '../conformance/copy-support.js';
import { listing, temporaryFolder } from '../support/folder.js';
import { tarOf, type TarSpec } from '../support/tar.js';

/** A tree to write into: `copy` is the destination; the rest must stay as it is. */
function surroundings(): Disposable & {
  readonly path: string;
  readonly to: string;
  outside(): Record<string, string>;
} {
  const folder = temporaryFolder();
  mkdirSync(join(folder.path, 'outside'));
  writeFileSync(join(folder.path, 'outside', 'secret'), 'untouched');
  writeFileSync(join(folder.path, 'sibling'), 'untouched');
  return {
    path: folder.path,
    to: join(folder.path, 'copy'),
    outside: () =>
      Object.fromEntries(Object.entries(listing(folder.path)).filter(([name]) => !/^copy(\/|$)/.test(name))),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const evil = 'overwritten';
const top: TarSpec = { name: 'd/', type: 'directory' };

/** Archives that must fail, with the reason. */
const REFUSED: Readonly<Record<string, readonly ['unsafe-entry' | 'bad-archive' | 'local-file', ...TarSpec[]]>> = {
  'a name that goes up': ['unsafe-entry', top, { name: 'd/../../sibling', body: evil }],
  'a name that goes up at once': ['unsafe-entry', { name: '../sibling', body: evil }],
  'a name that goes up and comes back': ['unsafe-entry', top, { name: 'd/x/../y', body: evil }],
  'a folder that goes up': ['unsafe-entry', top, { name: 'd/../../outside/new/', type: 'directory' }],
  'an absolute name': ['unsafe-entry', { name: '/tmp/trunkline-must-not-be', body: evil }],
  'an absolute name in a pax header': ['unsafe-entry', { name: 'd/x', pax: { path: '/tmp/trunkline-must-not-be' } }],
  'a name that goes up in a pax header': ['unsafe-entry', { name: 'd/x', pax: { path: 'd/../../sibling' } }],
  'a name with a zero byte': ['unsafe-entry', { name: 'd/x', pax: { path: 'd/x\0/../../sibling' } }],
  'what was not asked for': ['bad-archive', top, { name: 'sibling', body: evil }],
  'a symbolic link in place of what was asked for': ['bad-archive', { name: 'd', type: 'symlink', link: 'outside' }],
  'a file through a symbolic link': [
    'unsafe-entry',
    top,
    { name: 'd/l', type: 'symlink', link: 'sub' },
    { name: 'd/l/x', body: evil },
  ],
  'a folder over a symbolic link': [
    'unsafe-entry',
    top,
    { name: 'd/sub/', type: 'directory' },
    { name: 'd/l', type: 'symlink', link: 'sub' },
    { name: 'd/l/', type: 'directory' },
  ],
  'a symbolic link over a folder': [
    'local-file',
    top,
    { name: 'd/sub/', type: 'directory' },
    { name: 'd/sub', type: 'symlink', link: 'x' },
  ],
  'a file below a file': ['local-file', { name: 'd', body: 'x' }, { name: 'd/x', body: evil }],
  'a hard link that goes up': ['unsafe-entry', top, { name: 'd/h', type: 'link', link: 'd/../../outside/secret' }],
  'a hard link to an absolute name': ['unsafe-entry', top, { name: 'd/h', type: 'link', link: '/etc/passwd' }],
  'a hard link to what was not asked for': ['bad-archive', top, { name: 'd/h', type: 'link', link: 'sibling' }],
  'a hard link to a symbolic link': [
    'unsafe-entry',
    top,
    { name: 'd/f', body: 'x' },
    { name: 'd/l', type: 'symlink', link: 'f' },
    { name: 'd/h', type: 'link', link: 'd/l' },
  ],
  'a hard link through a symbolic link': [
    'unsafe-entry',
    top,
    { name: 'd/sub/f', body: 'x' },
    { name: 'd/l', type: 'symlink', link: 'sub' },
    { name: 'd/h', type: 'link', link: 'd/l/f' },
  ],
  'a hard link to a folder': [
    'unsafe-entry',
    top,
    { name: 'd/sub/', type: 'directory' },
    { name: 'd/h', type: 'link', link: 'd/sub' },
  ],
  'a hard link to nothing': ['local-file', top, { name: 'd/h', type: 'link', link: 'd/nothing' }],
};

/** Entries that must be left out, with a warning, while the rest is copied. */
const LEFT_OUT: Readonly<Record<string, TarSpec>> = {
  'a symbolic link to an absolute name': { name: 'd/x', type: 'symlink', link: '/etc/passwd' },
  'a symbolic link that goes up': { name: 'd/x', type: 'symlink', link: '../sibling' },
  'a symbolic link that goes up from below': { name: 'd/sub/x', type: 'symlink', link: '../../outside' },
  'a symbolic link that goes up after going down': { name: 'd/x', type: 'symlink', link: 'l/../../sibling' },
  'a symbolic link in a pax header': { name: 'd/x', type: 'symlink', link: 'y', pax: { linkpath: '../sibling' } },
  'a character device': { name: 'd/x', type: 'character-device' },
  'a block device': { name: 'd/x', type: 'block-device' },
  'a named pipe': { name: 'd/x', type: 'fifo' },
  'a sparse file of the pax kind': { name: 'd/x', body: Buffer.alloc(1_000_000), pax: { 'GNU.sparse.major': '1' } },
};

describe('a hostile archive', { timeout: 60_000 }, () => {
  for (const [what, [reason, ...entries]] of Object.entries(REFUSED)) {
    it(`with ${what} is refused`, async () => {
      using around = surroundings();
      const before = around.outside();
      await using pod = await container(gives(await tarOf(entries)));
      await assert.rejects(copyFrom(pod.url, '/d', around.to), { code: 'ERR_COPY', reason });
      assert.deepEqual(around.outside(), before);
      assert.deepEqual(
        Object.keys(listing(around.path)).filter((name) => name.includes('partial')),
        [],
      );
    });
  }

  for (const [what, entry] of Object.entries(LEFT_OUT)) {
    it(`loses ${what}, and nothing else`, async () => {
      using around = surroundings();
      const before = around.outside();
      await using pod = await container(gives(await tarOf([top, entry, { name: 'd/after', body: 'x' }])));
      const warnings: CopyWarning[] = [];
      const result = await copyFrom(pod.url, '/d', around.to, { onWarning: (warning) => warnings.push(warning) });
      assert.deepEqual([result.files, result.warnings, warnings[0]?.path], [1, 1, entry.name]);
      assert.deepEqual(around.outside(), before);
      assert.equal(listing(around.to)['x'], undefined);
      assert.equal(readFileSync(join(around.to, 'after'), 'utf8'), 'x');
    });
  }

  it('with contents where there should be none loses these, and nothing else', async () => {
    for (const type of ['1', '2', '3', '6', '7', 'S', 'Z']) {
      using around = surroundings();
      const archive = await tarOf([
        top,
        { name: 'd/x', body: Buffer.alloc(1_000_000) },
        { name: 'd/after', body: 'x' },
      ]);
      // The second entry's header, whose type becomes another.
      const header = archive.subarray(512, 1024);
      header.write(type, 156);
      header.write(type === '1' ? 'd/after' : 'after', 157);
      header.fill(' ', 148, 156);
      header.write(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, '0')}\0 `,
        148,
      );
      await using pod = await container(gives(archive));
      const copy = copyFrom(pod.url, '/d', around.to);
      if (type === '1') await assert.rejects(copy, { reason: 'local-file' });
      else assert.equal((await copy).files, type === '7' ? 2 : 1, type);
    }
  });

  it('does not write through links that were there before', async () => {
    using around = surroundings();
    mkdirSync(around.to);
    symlinkSync('../outside', join(around.to, 'l'));
    const before = around.outside();
    symlinkSync('../outside', join(around.to, 'd'));
    await using pod = await container(gives(await tarOf([top, { name: 'd/secret', body: evil }])));
    await assert.rejects(copyFrom(pod.url, '/d', around.to), { reason: 'unsafe-entry' });
    await using contents = await container(gives(await tarOf([{ name: './l/secret', body: evil }])));
    await assert.rejects(copyFrom(contents.url, '/d/.', around.to), { reason: 'unsafe-entry' });
    assert.deepEqual(around.outside(), before);
  });

  it('replaces a link, a read-only file and a file with other names, not what is behind them', async () => {
    using around = surroundings();
    mkdirSync(around.to);
    symlinkSync('../outside/secret', join(around.to, 'f'));
    const before = around.outside();
    await using pod = await container(gives(await tarOf([{ name: 'f', body: 'new' }])));
    await copyFrom(pod.url, '/x/f', around.to);
    assert.equal(readFileSync(join(around.to, 'f'), 'utf8'), 'new');
    assert.deepEqual(around.outside(), before);
  });

  it('with set-user-id files and modes from beyond gives plain permissions', async () => {
    using around = surroundings();
    await using pod = await container(gives(await tarOf([{ name: 'f', body: 'x', mode: 0o6755 }])));
    await copyFrom(pod.url, 'f', around.to);
    assert.match(listing(around.path)['copy'] ?? '', /^file 755 /);
  });

  it('with names that are not UTF-8 is refused, not guessed at', async () => {
    using around = surroundings();
    const archive = await tarOf([{ name: 'd/x?', body: 'x' }]);
    archive[3] = 0xff;
    // The checksum goes with it.
    archive.fill(' ', 148, 156);
    const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await using pod = await container(gives(archive));
    await assert.rejects(copyFrom(pod.url, 'd', around.to), { reason: 'bad-archive', message: /UTF-8/ });
  });

  it('that claims a huge header is refused before it is read', async () => {
    using around = surroundings();
    const archive = await tarOf([{ name: 'd/x', pax: { comment: 'c'.repeat(5 * 1024 * 1024) } }]);
    await using pod = await container(gives(archive));
    await assert.rejects(copyFrom(pod.url, 'd', around.to), { reason: 'bad-archive' });
  });

  it('of any bytes ends in entries or in CopyError', async () => {
    const whole = await tarOf([
      top,
      { name: 'd/f', body: 'x'.repeat(700) },
      { name: 'd/l', type: 'symlink', link: 'f' },
    ]);
    const spoilt = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const chunked = fc.tuple(spoilt, fc.integer({ min: 1, max: 2000 }));
    await fc.assert(
      fc.asyncProperty(chunked, async ([bytes, size]) => {
        async function* chunks(): AsyncGenerator<Buffer> {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        }
        try {
          for await (const { body } of tarEntries(chunks())) for await (const _chunk of body);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_COPY', String(error));
        }
      }),
      { numRuns: 300, seed: 20 },
    );
  });
});
