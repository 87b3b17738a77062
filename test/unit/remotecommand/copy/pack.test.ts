import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { coalesce } from '../../../../src/remotecommand/copy/coalesce.js';
import type { CopyProgress, CopyWarning } from '../../../../src/remotecommand/copy/options.js';
import { packBytes, packContents, packTree } from '../../../../src/remotecommand/copy/pack.js';
import { Tally } from '../../../../src/remotecommand/copy/tally.js';
import { temporaryFolder } from '../../../support/folder.js';
import { readTar, type TarContents } from '../../../support/tar.js';

function observed(followLinks = false): {
  readonly options: { readonly followLinks: boolean; readonly tally: Tally };
  readonly warnings: CopyWarning[];
  readonly progress: CopyProgress[];
} {
  const warnings: CopyWarning[] = [];
  const progress: CopyProgress[] = [];
  const tally = new Tally({ onWarning: (one) => warnings.push(one), onProgress: (one) => progress.push(one) });
  return { options: { followLinks, tally }, warnings, progress };
}

const brief = (entries: readonly TarContents[]): string[] =>
  entries.map(({ name, type, link, body }) => `${type} ${name}${link ? ` → ${link}` : ''} ${body}`).toSorted();

const entry = (path: string, name: string) => ({ path, name, stats: statSync(path) });

describe('the archive of a local tree', () => {
  it('holds files, folders and links, empty ones as well', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'd', 'empty'), { recursive: true });
    writeFileSync(join(folder.path, 'd', 'f'), 'text', { mode: 0o604 });
    writeFileSync(join(folder.path, 'zero'), '');
    symlinkSync('../zero', join(folder.path, 'd', 'l'));
    symlinkSync('nowhere', join(folder.path, 'broken'));
    utimesSync(join(folder.path, 'd', 'f'), 1000, 1_500_000_000);
    const { options, warnings } = observed();
    const entries = await readTar(packTree(entry(folder.path, 'top'), options));
    assert.deepEqual(brief(entries), [
      'directory top/ ',
      'directory top/d/ ',
      'directory top/d/empty/ ',
      'file top/d/f text',
      'file top/zero ',
      'symlink top/broken → nowhere ',
      'symlink top/d/l → ../zero ',
    ]);
    const file = entries.find(({ name }) => name === 'top/d/f');
    assert.deepEqual([file?.mode, file?.mtime?.getTime()], [0o604, 1_500_000_000_000]);
    assert.deepEqual(warnings, []);
    assert.deepEqual(options.tally.result, { files: 2, bytes: 4, warnings: 0 });
  });

  it('has no entry for the folder where its contents were asked for', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, '-f'), 'x');
    assert.deepEqual(brief(await readTar(packContents(folder.path, '', observed().options))), ['file -f x']);
  });

  it('holds what links point to, once asked, and no loops', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'd'));
    writeFileSync(join(folder.path, 'd', 'f'), 'x');
    symlinkSync('..', join(folder.path, 'd', 'up'));
    symlinkSync('d/f', join(folder.path, 'l'));
    symlinkSync('nowhere', join(folder.path, 'broken'));
    const { options, warnings } = observed(true);
    assert.deepEqual(brief(await readTar(packContents(folder.path, '', options))), [
      'directory d/ ',
      'file d/f x',
      'file l x',
      'symlink broken → nowhere ',
    ]);
    assert.deepEqual(
      warnings.map(({ path }) => path),
      ['d/up'],
    );
  });

  it('leaves out sockets, with a warning', async () => {
    using folder = temporaryFolder();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder.path, 's'), resolve));
    const { options, warnings } = observed();
    assert.deepEqual(brief(await readTar(packContents(folder.path, '', options))), []);
    assert.equal(warnings[0]?.path, 's');
    await new Promise((resolve) => server.close(resolve));
  });

  it('of a file that grows ends where it ended at first', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'f');
    writeFileSync(path, 'before');
    const { options, warnings } = observed();
    const chunks: Buffer[] = [];
    for await (const chunk of packTree(entry(path, 'f'), options)) {
      if (chunks.length === 0) appendFileSync(path, ' and after');
      chunks.push(chunk);
    }
    assert.deepEqual(brief(await readTar(coalesce(pieces(chunks)) as AsyncIterable<Buffer>)), ['file f before']);
    assert.match(warnings[0]?.message ?? '', /grew/);
  });

  it('of a file that shrinks fails', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'f');
    writeFileSync(path, Buffer.alloc(200_000));
    const archive = packTree(entry(path, 'f'), observed().options);
    await archive.next();
    truncateSync(path, 1000);
    await assert.rejects(drain(archive), { code: 'ERR_COPY', reason: 'changed', path: 'f' });
  });

  it('of a file that cannot be read says which', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'f');
    writeFileSync(path, '');
    const { stats } = entry(path, 'f');
    const missing = { path: `${path}-gone`, name: 'f', stats };
    await assert.rejects(
      drain(packTree(missing, observed().options)),
      (error: { path: string; cause: { code: string } }) => {
        assert.equal(error.cause.code, 'ENOENT');
        assert.equal(error.path, missing.path);
        return true;
      },
    );
  });

  it('does not open what became a link since', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'f');
    writeFileSync(path, '');
    const { stats } = entry(path, 'f');
    symlinkSync(path, `${path}-link`);
    const swapped = { path: `${path}-link`, name: 'f', stats };
    await assert.rejects(drain(packTree(swapped, observed().options)), { code: 'ERR_COPY', reason: 'local-file' });
  });

  it('of a stream that gives other than it said fails', async () => {
    const header = { name: 'f', type: 'file', mode: 0, mtime: 0, size: 3 } as const;
    for (const given of ['ab', 'abcd']) {
      const source = pieces([Buffer.from(given)]);
      await assert.rejects(drain(packBytes(header, source, observed().options.tally)), { reason: 'changed' });
    }
  });

  it('tells of its progress', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'f');
    writeFileSync(path, Buffer.alloc(100_000));
    const { options, progress } = observed();
    await drain(packTree(entry(path, 'f'), options));
    assert.deepEqual(progress.at(-1), { path: 'f', bytes: 100_000, totalBytes: 100_000, files: 1 });
    assert.ok(progress.length > 2);
  });
});

describe('small chunks', () => {
  it('are joined, large ones passed on as they are', async () => {
    const large = Buffer.alloc(100, 'l');
    const small = Buffer.alloc(10, 's');
    const chunks: Uint8Array[] = [];
    for await (const chunk of coalesce(pieces([large, small, Buffer.alloc(0), small, small, large, small]), 30)) {
      chunks.push(chunk);
    }
    assert.deepEqual(
      chunks.map(({ length }) => length),
      [100, 30, 100, 10],
    );
    assert.equal(chunks[0], large);
  });
});

async function* pieces(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _chunk of source);
}
