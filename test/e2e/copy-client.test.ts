// copyTo and copyFrom against the embedded cluster, whose pods are local processes with the system's tar.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { copyFrom, copyTo, type CopyWarning, type RemoteCommandTarget } from '../../src/remotecommand/index.js';
import { ensureProgram } from '../interop/support/debian.js';
import { residentBytes, watchMemory } from '../interop/support/memory.js';
import { listing, temporaryFolder } from '../support/folder.js';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { cutUpgrades } from './support/cutting-proxy.js';
import { kubectl } from './support/kubectl.js';

const MiB = 1024 * 1024;
const LARGEST_GROWTH = 64 * MiB;
const TRANSPORTS = ['websocket', 'spdy'] as const;

/** Names that a shell, a careless tar or a careless reader would stumble over. */
const ODD_NAMES = [
  ' spaces ',
  'new\nline',
  '-rf',
  '--checkpoint=1',
  'a;b $(c) `d` "e" \'f\' g',
  'Zürich 東京 😀',
  'long-'.repeat(40),
  '.hidden',
];

/** kubectl takes names for patterns, and then copies something else, or nothing. */
const PATTERNS = ['*', '[a]', 'back\\slash'];

function fillTree(folder: string, names: readonly string[] = [...ODD_NAMES, ...PATTERNS]): void {
  mkdirSync(join(folder, 'empty', 'folders'), { recursive: true });
  for (const [i, name] of names.entries()) writeFileSync(join(folder, name), `${i}`);
  const deep = join(folder, ...Array.from({ length: 30 }, (_, i) => `l${i}`));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'empty'), '');
  for (const mode of [0o600, 0o444, 0o755, 0o777]) writeFileSync(join(folder, `mode-${mode}`), 'x', { mode });
  symlinkSync('.hidden', join(folder, 'link'));
  symlinkSync('../mode-384', join(folder, 'empty', 'link'));
  utimesSync(join(folder, '.hidden'), 1e9, 1e9);
  const sparse = openSync(join(folder, 'sparse'), 'w');
  ftruncateSync(sparse, 3 * MiB);
  writeSync(sparse, 'end', 3 * MiB);
  closeSync(sparse);
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function writeRandom(path: string, mebibytes: number): void {
  const file = openSync(path, 'w');
  for (let i = 0; i < mebibytes; i++) writeSync(file, randomBytes(MiB));
  closeSync(file);
}

describe('copies to and from the embedded cluster', () => {
  let cluster: ClusterProcess;
  let target: { readonly server: string; readonly pod: string };
  before(async () => {
    cluster = await startClusterProcess(['--pods', '1']);
    target = { server: cluster.apiServer, pod: cluster.pods[0]?.name ?? '' };
  });
  after(() => cluster?.stop());

  for (const transport of TRANSPORTS) {
    it(`1,000 files and odd ones, up and down, over ${transport}: modes, times, links`, async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'tree');
      fillTree(source);
      for (let i = 0; i < 1000; i++) {
        const below = join(source, `d${i % 10}`);
        mkdirSync(below, { recursive: true });
        writeFileSync(join(below, `f${i}`), randomBytes(i * 7));
      }
      const warnings: CopyWarning[] = [];
      const options = { transport, onWarning: (warning: CopyWarning) => warnings.push(warning) };
      await copyTo(target, source, join(folder.path, 'up'), options);
      assert.deepEqual(listing(join(folder.path, 'up'), true), listing(source, true));
      await copyFrom(target, join(folder.path, 'up'), join(folder.path, 'down'), options);
      assert.deepEqual(listing(join(folder.path, 'down'), true), listing(source, true));
      assert.deepEqual(warnings, []);
    });

    it(`64 MiB up and down over ${transport}`, async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'f');
      writeRandom(source, 64);
      await copyTo(target, source, join(folder.path, 'up'), { transport });
      await copyFrom(target, join(folder.path, 'up'), join(folder.path, 'down'), { transport });
      const expected = await sha256(source);
      assert.equal(await sha256(join(folder.path, 'up')), expected);
      assert.equal(await sha256(join(folder.path, 'down')), expected);
    });

    it(`256 MiB up and down over ${transport} in bounded memory`, { timeout: 120_000 }, async (t) => {
      using folder = temporaryFolder();
      writeRandom(join(folder.path, 'small'), 8);
      writeRandom(join(folder.path, 'large'), 256);
      const program = fileURLToPath(new URL('support/copy-client-main.js', import.meta.url));
      const args = [program, target.server, target.pod, transport, folder.path];
      const client = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const lines = createInterface({ input: client.stdout });
      await once(lines, 'line');
      const pid = client.pid ?? 0;
      const start = residentBytes(pid);
      const memory = watchMemory(pid);
      client.stdin.write('go\n');
      await once(lines, 'line');
      memory.stop();
      client.stdin.end();
      await once(client, 'exit');
      const grown = memory.peak() - start;
      t.diagnostic(`grew by ${(grown / MiB).toFixed(1)} MiB`);
      assert.equal(await sha256(join(folder.path, 'large-down')), await sha256(join(folder.path, 'large')));
      assert.ok(grown < LARGEST_GROWTH, `grew by ${(grown / MiB).toFixed(1)} MiB`);
    });

    it(`a connection that is cut at any point over ${transport} is an error, and leaves no part under its name`, async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'f');
      writeRandom(source, 4);
      const proxy = await cutUpgrades(target.server);
      try {
        const through = { ...target, server: proxy.url };
        for (const bytes of [600, 5000, MiB, 4 * MiB]) {
          proxy.cut = { direction: 'response', bytes };
          const copy = copyFrom(through, source, join(folder.path, 'copy'), { transport });
          await assert.rejects(copy, (error: { code?: string }) => {
            assert.ok(['ERR_CONNECTION_LOST', 'ECONNRESET'].includes(error.code ?? ''), String(error));
            return true;
          });
          assert.deepEqual(Object.keys(listing(folder.path)), ['f']);
          proxy.cut = { direction: 'request', bytes };
          await assert.rejects(copyTo(through, source, join(folder.path, 'remote', 'copy'), { transport }));
        }
      } finally {
        await proxy.close();
      }
    });

    it(`makes the same copies as kubectl over ${transport}`, async () => {
      using folder = temporaryFolder();
      const at = (name: string): string => join(folder.path, name);
      fillTree(at('tree'), ODD_NAMES);
      const cp = async (from: string, to: string): Promise<void> => {
        const { code, stderr } = await kubectl(['cp', from, to], { server: target.server, wire: transport });
        assert.equal(code, 0, stderr);
      };
      await cp(at('tree'), `${target.pod}:${at('kubectl-up')}`);
      await copyTo(target, at('tree'), at('our-up'), { transport });
      // kubectl's tar is told not to keep times.
      assert.deepEqual(listing(at('our-up')), listing(at('kubectl-up')));
      await cp(`${target.pod}:${at('our-up')}`, at('kubectl-down'));
      await copyFrom(target, at('our-up'), at('our-down'), { transport });
      // kubectl leaves links out, and keeps no modes on the way down.
      const plain = (name: string): Record<string, string> =>
        Object.fromEntries(
          Object.entries(listing(at(name)))
            .filter(([, kind]) => !kind.startsWith('link'))
            .map(([path, kind]) => [path, kind.replace(/ \d+/, '')]),
        );
      assert.deepEqual(plain('our-down'), plain('kubectl-down'));
    });
  }

  it('leaves nothing of a file that is cut, if it is to be whole or not there', async () => {
    using folder = temporaryFolder();
    writeRandom(join(folder.path, 'f'), 4);
    mkdirSync(join(folder.path, 'd'));
    const to = join(folder.path, 'd', 'copy');
    await copyTo(target, join(folder.path, 'f'), to, { atomic: true });
    const whole = { copy: listing(folder.path)['f'] };
    assert.deepEqual(listing(join(folder.path, 'd')), whole);
    writeRandom(join(folder.path, 'f'), 4);
    const onProgress = ({ bytes }: { readonly bytes: number }): void => {
      if (bytes > MiB) throw new Error('enough');
    };
    await assert.rejects(copyTo(target, join(folder.path, 'f'), to, { atomic: true, onProgress }), /enough/);
    assert.deepEqual(listing(join(folder.path, 'd')), whole);
  });

  it('says what tar said', async () => {
    using folder = temporaryFolder();
    const failure = { code: 'ERR_COPY', reason: 'remote-command', exitCode: 2 };
    const missing = copyFrom(target, join(folder.path, 'missing'), folder.path);
    await assert.rejects(missing, { ...failure, message: /missing: Cannot stat: No such file or directory/ });
    writeFileSync(join(folder.path, 'f'), '');
    const nowhere = copyTo(target, join(folder.path, 'f'), join(folder.path, 'no', 'where'));
    await assert.rejects(nowhere, { ...failure, message: /Cannot open: No such file or directory/ });
  });
});

describe('copies to and from a container with BusyBox', () => {
  let cluster: ClusterProcess;
  let target: RemoteCommandTarget;
  let tools: ReturnType<typeof temporaryFolder>;
  before(async () => {
    ensureProgram('/usr/bin/busybox', 'busybox');
    tools = temporaryFolder();
    for (const name of ['tar', 'test']) symlinkSync('/usr/bin/busybox', join(tools.path, name));
    const path = process.env['PATH'];
    process.env['PATH'] = `${tools.path}:${path}`;
    cluster = await startClusterProcess(['--pods', '1']);
    process.env['PATH'] = path;
    target = { server: cluster.apiServer, pod: cluster.pods[0]?.name ?? '' };
  });
  after(async () => {
    await cluster?.stop();
    tools?.[Symbol.dispose]();
  });

  it('odd names, modes, times and links arrive both ways', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'tree');
    fillTree(source);
    await copyTo(target, source, `${folder.path}/up`);
    assert.deepEqual(files(join(folder.path, 'up')), files(source));
    await copyFrom(target, join(folder.path, 'up', '.'), join(folder.path, 'down'));
    assert.deepEqual(files(join(folder.path, 'down')), files(source));
    const missing = copyFrom(target, join(folder.path, 'missing'), folder.path);
    await assert.rejects(missing, { reason: 'remote-command', exitCode: 1, stderr: /tar: missing: No such file/ });
  });

  /** BusyBox gives folders their times before it fills them, and links none. */
  function files(folder: string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(listing(folder, true)).map(([name, kind]) => [
        name,
        kind.replace(/^(folder \d+|link .*) \d+$/, '$1'),
      ]),
    );
  }
});
