import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import {
  copyFrom,
  copyStreamFrom,
  copyStreamTo,
  copyTarFrom,
  copyTarTo,
  copyTo,
  type CopyProgress,
  type CopyWarning,
} from '../../src/remotecommand/index.js';
import { listing, temporaryFolder } from '../support/folder.js';
import { readTar, tarOf, type TarContents } from '../support/tar.js';
import { container, gives, pending, untilGone, type Program } from './copy-support.js';
import { until } from './remotecommand-server.js';

const MiB = 1024 * 1024;

/** A tar that keeps what it was sent. */
function takes(kept: TarContents[]): Program {
  return async ({ stdin }) => {
    kept.push(...(await readTar(stdin ?? Readable.from([]))));
    return 0;
  };
}

/** A tar that writes zeros for as long as anybody reads them. */
const endless: Program = async ({ stdout, signal }) => {
  const header = (await tarOf([{ name: 'f', body: Buffer.alloc(1) }])).subarray(0, 512);
  async function* archive(): AsyncGenerator<Buffer> {
    // A size of 7 GiB, and the checksum that goes with it.
    header.write('67777777777\0', 124);
    header.fill(' ', 148, 156);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    yield header;
    for (;;) yield Buffer.alloc(64 * 1024);
  }
  if (stdout !== undefined) await pipeline(archive(), stdout, { end: false, signal });
  return 0;
};

for (const transport of ['websocket', 'spdy'] as const) {
  describe(`copies over ${transport}`, { timeout: 20_000 }, () => {
    it('runs tar without a shell, whatever the names', async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'a b;$(x)');
      writeFileSync(source, 'x');
      await using pod = await container(async (session) => (session.stdin ? takes([])(session) : 1));
      await copyTo(pod.url, source, '/tmp/-rf', { transport });
      await copyTo(pod.url, source, '/tmp/folder', { transport });
      await copyTo(pod.url, source, '/tmp/slash/', { transport });
      for (const path of ['-C', '/d/x', '/d/x/.', '/d/with\nnewline']) {
        await assert.rejects(copyFrom(pod.url, path, folder.path, { transport }), { reason: 'remote-command' });
      }
      await assert.rejects(copyFrom(pod.url, 'x', folder.path, { transport, followLinks: true }));
      assert.deepEqual(pod.commands, [
        ['test', '-d', '/tmp/-rf'],
        ['tar', 'xpof', '-', '-C', '/tmp'],
        ['test', '-d', '/tmp/folder'],
        ['tar', 'xpof', '-', '-C', '/tmp/folder'],
        ['tar', 'xpof', '-', '-C', '/tmp/slash/'],
        ['tar', 'cf', '-', '-C', '.', '--', '-C'],
        ['tar', 'cf', '-', '-C', '/d', '--', 'x'],
        ['tar', 'cf', '-', '-C', '/d/x/.', '--', '.'],
        ['tar', 'cf', '-', '-C', '/d', '--', 'with\nnewline'],
        ['tar', 'chf', '-', '-C', '.', '--', 'x'],
      ]);
    });

    it('names the copy after the destination, or after the source inside a folder', async () => {
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'd'));
      writeFileSync(join(folder.path, 'd', 'f'), 'x');
      symlinkSync('d/f', join(folder.path, 'l'));
      const kept: TarContents[] = [];
      await using pod = await container(takes(kept));
      const up = async (from: string, to: string): Promise<string[]> => {
        kept.length = 0;
        await copyTo(pod.url, `${folder.path}/${from}`, to, { transport });
        return kept.map(({ name, type }) => `${type} ${name}`);
      };
      assert.deepEqual(await up('d', '/new'), ['directory new/', 'file new/f']);
      assert.deepEqual(await up('d', '/a/folder'), ['directory d/', 'file d/f']);
      assert.deepEqual(await up('d/.', '/a/folder'), ['file f']);
      assert.deepEqual(await up('d/f', '/new'), ['file new']);
      assert.deepEqual(await up('l', '/new'), ['file new']);
      await assert.rejects(up('d/.', '/nothing'), { reason: 'remote-command' });
      await assert.rejects(up('d/f/', '/new'), { reason: 'local-file' });
      await assert.rejects(up('nothing', '/new'), { reason: 'local-file' });
    });

    it('puts what comes where it was asked for', async () => {
      using folder = temporaryFolder();
      const file = gives(await tarOf([{ name: 'f', body: 'text', mode: 0o640, mtime: new Date(1e12) }]));
      await using pod = await container(file);
      mkdirSync(join(folder.path, 'there'));
      writeFileSync(join(folder.path, 'old'), 'old');
      for (const to of ['there', 'made/by/slash/', 'made/new', 'old']) {
        assert.deepEqual(await copyFrom(pod.url, '/d/f', `${folder.path}/${to}`, { transport }), {
          files: 1,
          bytes: 4,
          warnings: 0,
        });
      }
      const digest = 'file 640 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1 1000000000';
      const files = Object.entries(listing(folder.path, true)).filter(([, kind]) => kind.startsWith('file'));
      assert.deepEqual(Object.fromEntries(files), {
        'there/f': digest,
        'made/by/slash/f': digest,
        'made/new': digest,
        old: digest,
      });
    });

    it('keeps modes, times and links, also of folders that forbid writing', async () => {
      using folder = temporaryFolder();
      const mtime = new Date(1.5e12);
      await using pod = await container(
        gives(
          await tarOf([
            { name: 'd/', type: 'directory', mode: 0o555, mtime },
            { name: 'd/f', body: 'x', mode: 0o4755, mtime },
            { name: 'd/e/', type: 'directory', mode: 0o500, mtime },
            { name: 'd/e/hard', type: 'link', link: 'd/f' },
            { name: 'd/e/soft', type: 'symlink', link: '../f', mtime },
          ]),
        ),
      );
      await copyFrom(pod.url, 'd', join(folder.path, 'd'), { transport });
      const digest = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
      assert.deepEqual(listing(folder.path, true), {
        d: 'folder 555 1500000000',
        'd/e': 'folder 500 1500000000',
        'd/e/hard': `file 755 ${digest} 1500000000`,
        'd/e/soft': 'link to ../f 1500000000',
        'd/f': `file 755 ${digest} 1500000000`,
      });
    });

    it('resolves only when tar has exited', async () => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, 'f'), 'x');
      const archive = await tarOf([{ name: 'f', body: 'text' }]);
      const exits: ((code: number) => void)[] = [];
      const slow: Program = async (session) => {
        if (session.stdin) await buffer(session.stdin);
        else await gives(archive)(session);
        return new Promise<number>((resolve) => exits.push(resolve));
      };
      await using pod = await container(slow);
      const up = copyTo(pod.url, join(folder.path, 'f'), '/x/', { transport });
      const down = copyFrom(pod.url, 'f', join(folder.path, 'g'), { transport });
      const stream = text(copyStreamFrom(pod.url, 'f', { transport }));
      for (const copy of [up, down, stream]) assert.equal(await pending(copy), true);
      for (const exit of exits) exit(0);
      const done = { files: 1, warnings: 0 };
      assert.deepEqual(await up, { ...done, bytes: 1 });
      assert.deepEqual(await down, { ...done, bytes: 4 });
      assert.equal(await stream, 'text');
    });

    it('reports what tar said when it fails, and keeps what was whole', async () => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, 'f'), 'x');
      const archive = await tarOf([{ name: 'f', body: 'text' }]);
      await using pod = await container(async (session) => {
        session.stderr?.write('tar: f: file changed as we read it\n');
        if (session.stdin) await buffer(session.stdin);
        else await gives(archive)(session);
        return 1;
      });
      const expected = {
        code: 'ERR_COPY',
        reason: 'remote-command',
        exitCode: 1,
        stderr: 'tar: f: file changed as we read it',
        message: 'tar exited with 1: tar: f: file changed as we read it',
      };
      await assert.rejects(copyFrom(pod.url, 'f', join(folder.path, 'g'), { transport }), expected);
      await assert.rejects(copyTo(pod.url, join(folder.path, 'f'), '/g', { transport }), expected);
      await assert.rejects(text(copyStreamFrom(pod.url, 'f', { transport })), expected);
      await assert.rejects(buffer(copyTarFrom(pod.url, 'f', { transport })), expected);
      assert.equal(readFileSync(join(folder.path, 'g'), 'utf8'), 'text');
    });

    it('reports a container without tar', async () => {
      using folder = temporaryFolder();
      await using pod = await container(() => Promise.reject(new Error('no such file: tar')));
      await assert.rejects(copyFrom(pod.url, 'f', folder.path, { transport }), {
        reason: 'remote-command',
        message: /tar could not be run: .*no such file: tar/,
      });
    });

    it('passes on as warnings what a tar that succeeds complains of', async () => {
      using folder = temporaryFolder();
      const archive = await tarOf([{ name: 'f' }]);
      await using pod = await container(async (session) => {
        session.stderr?.write('tar: one\ntar: two\n');
        return gives(archive)(session);
      });
      const warnings: CopyWarning[] = [];
      const onWarning = (warning: CopyWarning): void => void warnings.push(warning);
      const { warnings: count } = await copyFrom(pod.url, 'f', folder.path, { transport, onWarning });
      assert.deepEqual([warnings, count], [[{ message: 'tar: one' }, { message: 'tar: two' }], 2]);
    });

    it('takes no part of an archive for the whole, whatever the exit code', async () => {
      using folder = temporaryFolder();
      const archive = await tarOf([
        { name: 'd/f', body: 'x'.repeat(600) },
        { name: 'd/g', body: 'y' },
      ]);
      const before = archive.length - 1024;
      for (const length of [0, 100, 512, 700, 1024, 1536, 2000, before - 512, before]) {
        await using pod = await container(gives(archive.subarray(0, length)));
        const copy = copyFrom(pod.url, 'd', join(folder.path, String(length)), { transport });
        await assert.rejects(copy, { code: 'ERR_COPY', reason: 'bad-archive' }, `${length} bytes`);
      }
      await using pod = await container(gives(Buffer.alloc(2048, 'no archive')));
      await assert.rejects(copyFrom(pod.url, 'd', folder.path, { transport }), { reason: 'bad-archive' });
      assert.deepEqual(
        Object.keys(listing(folder.path)).filter((name) => name.includes('partial')),
        [],
      );
    });

    for (const direction of ['up', 'down'] as const) {
      it(`a connection that is cut on the way ${direction} is lost, and leaves no part of a file`, async () => {
        using folder = temporaryFolder();
        const source = join(folder.path, 'f');
        writeFileSync(source, Buffer.alloc(4 * MiB));
        let started = false;
        await using pod = await container(async (session) => {
          if (session.stdin) for await (const _chunk of session.stdin) started = true;
          else await endless(session);
          return 0;
        });
        const onProgress = (): void => {
          if (direction === 'down') started = true;
        };
        const to = join(folder.path, 'copy');
        const copy =
          direction === 'up'
            ? copyStreamTo(pod.url, stalling(MiB), '/f', { transport, size: 2 * MiB })
            : copyFrom(pod.url, 'f', to, { transport, onProgress });
        const ended = assert.rejects(copy, { code: 'ERR_CONNECTION_LOST' });
        await until(() => started);
        for (const socket of pod.sockets) socket.resetAndDestroy();
        await ended;
        assert.deepEqual(Object.keys(listing(folder.path)), ['f']);
      });

      it(`ends when it is aborted on the way ${direction}, with the reason`, async () => {
        using folder = temporaryFolder();
        const stop = new AbortController();
        await using pod = await container(async (session) => {
          if (session.stdin) for await (const _chunk of session.stdin) stop.abort(new Error('enough'));
          else await endless(session);
          return 0;
        });
        const options = { transport, signal: stop.signal };
        const source = stalling(MiB);
        const copy =
          direction === 'up'
            ? copyStreamTo(pod.url, source, '/f', { ...options, size: 2 * MiB })
            : copyFrom(pod.url, 'f', folder.path, { ...options, onProgress: () => stop.abort(new Error('enough')) });
        await assert.rejects(copy, /enough/);
        assert.equal(source.destroyed, direction === 'up');
        assert.deepEqual(listing(folder.path), {});
        await until(() => pod.left() === 1);
      });
    }

    it('ends the session when a local file cannot be written', async () => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, 'in-the-way'), '');
      await using pod = await container(endless);
      const copy = copyFrom(pod.url, 'f', join(folder.path, 'in-the-way', 'f'), { transport });
      await assert.rejects(copy, { code: 'ERR_COPY', reason: 'local-file' });
      await until(() => pod.left() === 1);
    });

    it('ends with what a callback throws', async () => {
      using folder = temporaryFolder();
      await using pod = await container(endless);
      const onProgress = (): void => {
        throw new Error('mine');
      };
      await assert.rejects(copyFrom(pod.url, 'f', folder.path, { transport, onProgress }), /^Error: mine$/);
      assert.deepEqual(listing(folder.path), {});
    });

    it('does nothing once it is aborted', async () => {
      await using pod = await container(endless);
      const signal = AbortSignal.abort(new Error('before'));
      await assert.rejects(copyFrom(pod.url, 'f', '/nowhere', { transport, signal }), /before/);
      await assert.rejects(copyTo(pod.url, '/nowhere', 'f', { transport, signal }), /before/);
      assert.deepEqual(pod.commands, []);
    });

    it('reads no faster than its reader, and ends with it', async () => {
      let written = 0;
      await using pod = await container(async (session) => {
        const { stdout, signal } = session;
        if (stdout === undefined) return 1;
        async function* counted(): AsyncGenerator<Buffer> {
          for (;;) {
            written += 64 * 1024;
            yield Buffer.alloc(64 * 1024);
          }
        }
        await pipeline(counted(), stdout, { end: false, signal });
        return 0;
      });
      const stream = copyTarFrom(pod.url, 'f', { transport });
      await new Promise((resolve) => stream.once('readable', resolve));
      await steady(() => written);
      assert.ok(written < 32 * MiB, `${written} bytes`);
      stream.destroy();
      await until(() => pod.left() === 1);
    });

    it('sends no faster than tar reads', async () => {
      let sent = 0;
      const source = Readable.from(
        (async function* () {
          for (;;) {
            sent += 64 * 1024;
            yield Buffer.alloc(64 * 1024);
          }
        })(),
        { objectMode: false },
      );
      await using pod = await container(async (session) => {
        await untilGone(session);
        return 0;
      });
      const stop = new AbortController();
      const copy = copyStreamTo(pod.url, source, '/f', { transport, size: 1e12, signal: stop.signal });
      const ended = assert.rejects(copy, /enough/);
      await until(() => sent > 0);
      await steady(() => sent);
      assert.ok(sent < 32 * MiB, `${sent} bytes`);
      stop.abort(new Error('enough'));
      await ended;
    });

    it('copies streams of single files, and raw archives', async () => {
      const kept: TarContents[] = [];
      const archive = await tarOf([{ name: 'f', body: Buffer.alloc(MiB, 'x') }]);
      await using pod = await container((session) => (session.stdin ? takes(kept) : gives(archive))(session));
      const progress: CopyProgress[] = [];
      const onProgress = (one: CopyProgress): void => void progress.push(one);
      const bytes = await buffer(copyStreamFrom(pod.url, '/d/f', { transport, onProgress }));
      assert.ok(bytes.equals(Buffer.alloc(MiB, 'x')));
      assert.deepEqual(progress.at(-1), { path: 'f', bytes: MiB, totalBytes: MiB, files: 1 });
      assert.ok((await buffer(copyTarFrom(pod.url, '/d/f', { transport }))).equals(archive));
      const source = Readable.from([bytes]);
      await copyStreamTo(pod.url, source, '/d/g', { transport, size: MiB, mode: 0o600, mtime: new Date(1e12) });
      await copyTarTo(pod.url, Readable.from([archive]), '/d', { transport });
      assert.deepEqual(
        kept.map(({ name, mode, body }) => [name, mode, body.equals(bytes)]),
        [
          ['g', 0o600, true],
          ['f', 0o644, true],
        ],
      );
      assert.equal(kept[0]?.mtime?.getTime(), 1e12);
    });

    it('gives a file its name only when it is whole, if asked to', async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'f');
      writeFileSync(source, 'text');
      let code = 0;
      const kept: TarContents[] = [];
      await using pod = await container(async (session) => {
        if (session.command[0] !== 'tar') return 0;
        await takes(kept)(session);
        return code;
      });
      const progress: CopyProgress[] = [];
      const options = { transport, atomic: true, onProgress: (one: CopyProgress) => void progress.push(one) };
      await copyTo(pod.url, source, '/d/-new', options);
      const name = kept[0]?.name ?? '';
      assert.match(name, /^\.trunkline-\w{16}\.partial$/);
      assert.deepEqual(pod.commands.splice(0), [
        ['test', '-d', '/d/-new'],
        ['test', '-d', '/d/-new'],
        ['tar', 'xpof', '-', '-C', '/d'],
        ['mv', '-f', '--', `/d/${name}`, '/d/-new'],
      ]);
      assert.deepEqual(progress.at(-1), { path: '-new', bytes: 4, totalBytes: 4, files: 1 });
      code = 2;
      kept.length = 0;
      await assert.rejects(copyStreamTo(pod.url, Readable.from(['text']), 'new', { ...options, size: 4 }), {
        exitCode: 2,
      });
      assert.deepEqual(pod.commands.slice(-2), [
        ['tar', 'xpof', '-', '-C', '.'],
        ['rm', '-f', '--', kept[0]?.name],
      ]);
      const changed = copyStreamTo(pod.url, Readable.from([Buffer.from('x')]), 'new', { ...options, size: 4 });
      await assert.rejects(changed, { reason: 'changed', path: 'new' });
      await assert.rejects(copyTo(pod.url, folder.path, '/d/new', options), { code: 'ERR_INVALID_ARGUMENT' });
    });

    it('refuses a folder or a link where a file is asked for', async () => {
      using folder = temporaryFolder();
      await using tree = await container(gives(await tarOf([{ name: 'f/', type: 'directory' }])));
      await assert.rejects(text(copyStreamFrom(tree.url, 'f', { transport })), { reason: 'bad-archive' });
      await assert.rejects(
        copyStreamTo(tree.url, Readable.from([]), '/a/folder', { transport, size: 0 }),
        /is a folder/,
      );
      await using link = await container(gives(await tarOf([{ name: 'f', type: 'symlink', link: 'x' }])));
      await assert.rejects(text(copyStreamFrom(link.url, 'f', { transport })), /followLinks/);
      await assert.rejects(copyFrom(link.url, 'f', folder.path, { transport }), /followLinks/);
    });
  });
}

describe('copies', () => {
  it('refuse paths and sizes that are none, before anything is sent', async () => {
    const refused = { code: 'ERR_INVALID_ARGUMENT' };
    const none = 'http://127.0.0.1:9/';
    await assert.rejects(copyTo(none, '', '/x'), refused);
    await assert.rejects(copyTo(none, 'x', 'a\0b'), refused);
    await assert.rejects(copyFrom(none, '', 'x'), refused);
    assert.throws(() => copyStreamFrom(none, ''), refused);
    for (const size of [-1, 0.5, NaN]) {
      await assert.rejects(copyStreamTo(none, Readable.from([]), '/x', { size }), refused);
    }
    await assert.rejects(copyStreamTo(none, Readable.from([]), '/x/', { size: 0 }), refused);
    await assert.rejects(copyStreamTo(none, Readable.from([]), '/x', { size: 0, mode: -1 }), refused);
  });
});

/** Waits until a count stands still. */
async function steady(count: () => number): Promise<void> {
  for (let seen = -1; seen !== count(); await sleep(100)) seen = count();
}

/** A stream that gives so many bytes, and then nothing more. */
function stalling(bytes: number): Readable {
  let given = false;
  return new Readable({
    read() {
      if (!given) this.push(Buffer.alloc(bytes));
      given = true;
    },
  });
}
