import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../../support/project-root.js';

const read = (...path: readonly string[]): string => readFileSync(join(projectRoot, ...path), 'utf8');
const recipe = read('deploy', 'Dockerfile');

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(read('package.json')) as Manifest;

/** The instructions of the recipe, each in one line. */
const instructions = recipe
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '');

describe('deploy/Dockerfile', () => {
  it('copies from the repository what is there, and what is not left out of the context', () => {
    const allowed = new Set(
      read('deploy', 'Dockerfile.dockerignore')
        .split('\n')
        .flatMap((line) => (line.startsWith('!') ? line.slice(1) : [])),
    );
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/ +/).slice(1, -1));
    assert.ok(copied.length > 5);
    for (const path of copied) {
      assert.ok(existsSync(join(projectRoot, path)), path);
      assert.ok(allowed.has(path), `${path} is left out by Dockerfile.dockerignore`);
    }
    assert.deepEqual([...allowed].toSorted(), [...new Set(copied)].toSorted(), 'nothing else is sent');
  });

  it('runs the command of the package as process 1, with no shell between, as a user by number', () => {
    const last = (name: string): string => instructions.findLast((line) => line.startsWith(`${name} `)) ?? '';
    assert.deepEqual(JSON.parse(last('ENTRYPOINT').slice('ENTRYPOINT '.length)), [
      'node',
      `/app/${manifest.bin['trunkline']}`,
    ]);
    assert.equal(last('CMD'), 'CMD ["serve"]');
    assert.match(last('USER'), /^USER [1-9]\d*:[1-9]\d*$/);
  });

  it('installs optional modules that the package names, and a Node that it takes', () => {
    const modules = /^ARG OPTIONAL_MODULES="(.*)"$/m.exec(recipe)?.[1]?.split(' ') ?? [];
    assert.ok(modules.length > 0);
    for (const name of modules) assert.ok(name in manifest.peerDependencies, name);
    const version = Number(/^ARG NODE_IMAGE=node:(\d+)/m.exec(recipe)?.[1]);
    assert.ok(version >= Number(/\d+/.exec(manifest.engines.node)?.[0]));
  });
});
