import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { kubectl, type Wire } from './support/kubectl.js';

const FILES = 1000;

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Relative path → digest of everything below a folder. */
function digests(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) found[name] = sha256(readFileSync(path));
  }
  return found;
}

describe('kubectl cp', () => {
  let cluster: ClusterProcess;
  let pod: string;
  let folder: string;

  before(async () => {
    cluster = await startClusterProcess(['--pods', '1']);
    pod = cluster.pods[0]?.name ?? '';
    folder = mkdtempSync(join(tmpdir(), 'trunkline-cp-'));
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  // Pods are local processes: what is copied to a path of the pod lands in the file system of the machine.
  const cp = async (from: string, to: string, wire: Wire): Promise<void> => {
    const { code, stderr } = await kubectl(['cp', from, to], { server: cluster.apiServer, wire });
    assert.equal(code, 0, stderr);
  };

  for (const wire of ['websocket', 'spdy'] as const) {
    it(`64 MiB of random bytes, up and down, over ${wire}`, async () => {
      const source = join(folder, `${wire}.bin`);
      const bytes = randomBytes(64 * 1024 * 1024);
      writeFileSync(source, bytes);
      await cp(source, `${pod}:${folder}/${wire}-up.bin`, wire);
      assert.equal(sha256(readFileSync(join(folder, `${wire}-up.bin`))), sha256(bytes));
      await cp(`${pod}:${folder}/${wire}-up.bin`, join(folder, `${wire}-down.bin`), wire);
      assert.equal(sha256(readFileSync(join(folder, `${wire}-down.bin`))), sha256(bytes));
    });

    it(`a tree of ${FILES} files, up and down, over ${wire}`, async () => {
      const source = join(folder, `${wire}-tree`);
      for (let i = 0; i < FILES; i++) {
        const below = join(source, `d${i % 10}`, `e${i % 7}`);
        mkdirSync(below, { recursive: true });
        writeFileSync(join(below, `f${i}`), randomBytes(i * 7));
      }
      const expected = digests(source);
      assert.equal(Object.keys(expected).length, FILES);
      await cp(source, `${pod}:${folder}/${wire}-tree-up`, wire);
      assert.deepEqual(digests(join(folder, `${wire}-tree-up`)), expected);
      await cp(`${pod}:${folder}/${wire}-tree-up`, join(folder, `${wire}-tree-down`), wire);
      assert.deepEqual(digests(join(folder, `${wire}-tree-down`)), expected);
    });
  }
});
