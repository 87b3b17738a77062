// The one step of the image's recipe that is not plain: modules for serving, in the versions of the lockfile. It is carried
// out here as the recipe has it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { projectRoot } from '../support/project-root.js';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
}

const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');
const recipe = read(projectRoot, 'deploy', 'Dockerfile');

describe('the modules of the image', { timeout: 120_000 }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-'));
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
      copyFileSync(join(projectRoot, name), join(folder, name));
    }
    const stage = /AS modules\n([^]*?)\n\n/.exec(recipe)?.[1] ?? '';
    const step = /^RUN (npm pkg[^]*)$/m.exec(stage)?.[1];
    const modules = /^ARG OPTIONAL_MODULES="(.*)"$/m.exec(stage)?.[1];
    assert.ok(step !== undefined && modules !== undefined);
    const { status, stderr } = spawnSync('sh', ['-ec', step.replaceAll('\\\n', '')], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, OPTIONAL_MODULES: modules },
    });
    assert.equal(status, 0, stderr);
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are those of the lockfile, and none that development alone needs', () => {
    const { packages: locked } = JSON.parse(read(projectRoot, 'package-lock.json')) as Lock;
    const { packages: installed } = JSON.parse(read(folder, 'node_modules', '.package-lock.json')) as Lock;
    for (const [path, { version, integrity }] of Object.entries(installed)) {
      assert.deepEqual(
        { path, version, integrity },
        { path, version: locked[path]?.version, integrity: locked[path]?.integrity },
      );
    }
    for (const name of ['ws', 'msgpackr', 'commander', '@kubernetes/client-node', 'prom-client']) {
      assert.ok(`node_modules/${name}` in installed, name);
    }
    assert.ok(!('node_modules/typescript' in installed));
  });

  it('are found by whoever serves', () => {
    const script = `await import('@kubernetes/client-node'); await import('prom-client'); await import('ws');`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });
});
