import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project-root.js';

/** Folders of src from the bottom up: a file may import from its own folder and from lower ranks only. */
const RANKS: Readonly<Record<string, number>> = {
  errors: 0,
  clock: 0,
  bytes: 0,
  random: 0,
  logger: 0,
  limits: 1,
  wire: 2,
  httpstream: 2,
  mux: 3,
  carrier: 3,
  sse: 3,
  spdy: 4,
  yamux: 4,
  browser: 4,
  websocket: 5,
  'index.ts': 4,
  remotecommand: 6,
  portforward: 6,
  push: 6,
  proxy: 6.2,
  mesh: 6.3,
  kubernetes: 6.5,
  serve: 6.8,
  apiserver: 7,
  dashboard: 7.5,
  cluster: 8,
  cli: 9,
  testing: 9,
};

/** Where code may touch sockets and processes. Types may be named anywhere. */
const IO_MODULES: ReadonlySet<string> = new Set([
  'net',
  'tls',
  'http',
  'https',
  'http2',
  'dgram',
  'dns',
  'child_process',
]);
const IO_FOLDERS: ReadonlySet<string> = new Set([
  'mux',
  'carrier',
  'portforward',
  'proxy',
  'push',
  'mesh',
  'serve',
  'apiserver',
  'dashboard',
  'cluster',
  'cli',
  'testing',
]);

/** Third-party modules and the only places that may import them. */
const THIRD_PARTY: Readonly<Record<string, readonly string[]>> = {
  ws: ['carrier/websocket'],
  msgpackr: ['mux/preface', 'mesh/protocol'],
  'tar-stream': ['remotecommand/copy'],
  commander: ['cli'],
  '@kubernetes/client-node': ['kubernetes'],
  '@lydell/node-pty': ['cluster'],
  '@grpc/grpc-js': ['push/grpc'],
  '@grpc/proto-loader': ['push/grpc'],
  // Bundled at build: no packages for users to install.
  '@xterm/xterm': ['dashboard/page'],
  '@xterm/addon-fit': ['dashboard/page'],
  uplot: ['dashboard/page'],
  'prom-client': ['serve'],
};

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const root = join(projectRoot, 'src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found: Import[] = [];
  const add = (target: string, typeOnly: boolean): void => {
    found.push({ file, folder: folderOf(file), target, typeOnly });
  };
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gms;
  for (const [, type, target] of text.matchAll(statement)) add(target ?? '', type !== undefined);
  for (const [, target] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    // `import('x').Y` in a type position is a type; `await import('x')` is not.
    add(target ?? '', false);
  }
  return found;
}

function folderOf(path: string): string {
  return path.split(sep)[0] ?? '';
}

/** The files that a file loads, itself included, and the modules that these load; with `types` also those only named as types. */
function reachableFrom(
  entry: string,
  types = false,
): {
  readonly reached: ReadonlySet<string>;
  readonly modules: ReadonlySet<string>;
} {
  const reached = new Set<string>();
  const modules = new Set<string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const { target, typeOnly } of importsOf(file)) {
      if (typeOnly && !types) continue;
      if (target.startsWith('.')) queue.push(normalize(join(dirname(file), target)).replace(/\.js$/, '.ts'));
      else modules.add(target);
    }
  }
  assert.ok(reached.size > 5, `${entry} reaches ${reached.size} files`);
  return { reached, modules };
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

const imports = files.flatMap(importsOf);

describe('imports', () => {
  it('are found at all', () => {
    assert.ok(files.length > 30, `${files.length} files`);
    assert.ok(imports.length > 100, `${imports.length} imports`);
  });

  it('go from higher to lower folders only', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('.'))
      .map((one) => ({ ...one, to: folderOf(normalize(join(dirname(one.file), one.target)).replace(/\.js$/, '.ts')) }))
      .filter(({ folder, to }) => {
        const from = RANKS[folder];
        const below = RANKS[to];
        assert.ok(from !== undefined && below !== undefined, `a folder without rank: ${folder} or ${to}`);
        return to !== folder && below >= from;
      });
    assert.deepEqual(
      wrong.map(({ file, target }) => `${file} → ${target}`),
      [],
    );
  });

  it('reach sockets and processes only where these belong', () => {
    const wrong = imports.filter(
      ({ folder, target, typeOnly }) =>
        !typeOnly && target.startsWith('node:') && IO_MODULES.has(target.slice(5)) && !IO_FOLDERS.has(folder),
    );
    const allowed = new Set(['httpstream/respond.ts → node:http']); // STATUS_CODES, a table
    assert.deepEqual(
      wrong.map(({ file, target }) => `${file} → ${target}`).filter((one) => !allowed.has(one)),
      [],
    );
  });

  it('keep wire/ free of everything but zlib', () => {
    const wrong = imports.filter(
      ({ folder, target }) => folder === 'wire' && !target.startsWith('.') && target !== 'node:zlib',
    );
    assert.deepEqual(wrong, []);
  });

  it('of third-party modules stand only where the design has them', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (target.startsWith('.') || target.startsWith('node:')) return false;
      assert.ok(!builtinModules.includes(target), `${file}: ${target} lacks its node: prefix`);
      const places = THIRD_PARTY[target];
      return places === undefined || !places.some((place) => file.startsWith(place.replaceAll('/', sep)));
    });
    assert.deepEqual(
      wrong.map(({ file, target }) => `${file} → ${target}`),
      [],
    );
  });

  it('of the package root lead to no third-party module', () => {
    const { modules } = reachableFrom('index.ts', true);
    assert.deepEqual(
      [...modules].filter((name) => !name.startsWith('node:')),
      [],
    );
  });

  it('of the browser build lead to msgpackr, and to nothing that only Node has', () => {
    const { reached, modules } = reachableFrom(join('browser', 'index.ts'));
    assert.deepEqual([...modules], ['msgpackr']);
    const atRunTime = /\bBuffer\s*[.(]|\binstanceof Buffer\b|\bprocess\.|\bsetImmediate\b|\bglobal\./;
    const wrong = [...reached].filter((file) =>
      atRunTime.test(withoutComments(readFileSync(join(root, file), 'utf8'))),
    );
    assert.deepEqual(wrong, []);
  });
});

describe('sources', () => {
  const texts = files.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  it('take all time from clock/', () => {
    const clocks = /(?<![.\w])(?:setTimeout|setInterval)\((?!callback: )|\bDate\.now\(|\bperformance\.now\(/;
    const wrong = texts
      .filter(({ file }) => folderOf(file) !== 'clock')
      .flatMap(({ file, text }) =>
        text
          .split('\n')
          .filter((line) => clocks.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );
    assert.deepEqual(wrong, []);
  });

  it('use no Math.random', () => {
    assert.deepEqual(
      texts.filter(({ text }) => text.includes('Math.random')).map(({ file }) => file),
      [],
    );
  });

  it('stay below 600 lines', () => {
    const long = texts.filter(({ text }) => text.split('\n').length > 600).map(({ file }) => file);
    assert.deepEqual(long, []);
  });
});

describe('declarations', () => {
  it('of the entry points need no types of third parties, which are not installed with the package', () => {
    const declarations = join(import.meta.dirname, '..', '..', 'src');
    const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { exports: object };
    const queue = (JSON.stringify(manifest.exports).match(/(?<=\.\/dist\/)[\w/-]+(?=\.js")/g) ?? []).map((path) =>
      join(declarations, `${path}.d.ts`),
    );
    assert.ok(queue.length > 8, `${queue.length} entry points`);
    const seen = new Set<string>();
    const foreign: string[] = [];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)) {
        if (target.startsWith('.')) queue.push(join(dirname(file), target.replace(/\.js$/, '.d.ts')));
        else if (!target.startsWith('node:')) foreign.push(`${relative(declarations, file)} → ${target}`);
      }
    }
    assert.ok(seen.size > 50, `${seen.size} files`);
    assert.deepEqual(foreign, []);
  });
});
