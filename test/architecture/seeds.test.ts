import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project-root.js';

const document = readFileSync(join(projectRoot, 'docs', 'seeds.md'), 'utf8');
const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
};
const sources = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(projectRoot, 'src', name), 'utf8'));

interface Row {
  readonly original: string;
  readonly path: string;
  readonly name: string;
  readonly member: string | undefined;
}

const rows: Row[] = [...document.matchAll(/^\| (.+?) +\| `(trunkline[\w/]*): (\w+)(?:\.(\w+))?` +\|/gm)].map(
  ([, original = '', path = '', name = '', member]) => ({ original, path, name, member }),
);

/** Names that an entry point exports, types included. */
function exportsOf(path: string): Set<string> {
  const target = manifest.exports[path.replace('trunkline', '.')];
  assert.equal(typeof target, 'string', `${path} is no entry point`);
  const source = String(target).replace('./dist/', 'src/').replace(/\.js$/, '.ts');
  const text = readFileSync(join(projectRoot, source), 'utf8');
  const names = new Set<string>();
  for (const [, list = ''] of text.matchAll(/export (?:type )?\{([^}]*)\}/g)) {
    for (const name of list.split(','))
      names.add(
        name
          .trim()
          .replace(/^type /, '')
          .replace(/^.* as /, ''),
      );
  }
  for (const [, name = ''] of text.matchAll(/export (?:abstract )?(?:class|function|const|interface|type) (\w+)/g)) {
    names.add(name);
  }
  return names;
}

/** The body of an interface or class. */
function bodyOf(name: string): string {
  const start = new RegExp(`export (?:interface|(?:abstract )?class) ${name}\\b[^{]*\\{`);
  for (const text of sources) {
    const found = start.exec(text);
    if (found !== null) return text.slice(found.index, text.indexOf('\n}', found.index));
  }
  throw new Error(`${name} is declared nowhere`);
}

describe('docs/seeds.md', () => {
  it('has rows', () => assert.ok(rows.length > 30, `${rows.length} rows`));

  it('says for every row what stands for the name', () => {
    const table = document.split('\n').filter((line) => /^\| .*`/.test(line));
    const unclear = table.filter((line) => !/\| (?:`trunkline[^`]*`|none) +\|/.test(line));
    assert.deepEqual(unclear, []);
  });

  for (const { original, path, name, member } of rows) {
    it(`${original} → ${path}: ${name}${member === undefined ? '' : `.${member}`}`, () => {
      assert.ok(exportsOf(path).has(name), `${path} does not export ${name}`);
      if (member !== undefined) assert.match(bodyOf(name), new RegExp(`^  (?:readonly )?${member}\\b`, 'm'));
    });
  }

  it('lists values that are really there at run time', async () => {
    const root = (await import('../../src/index.js')) as Record<string, unknown>;
    const spdy = (await import('../../src/spdy/index.js')) as Record<string, unknown>;
    const modules: Record<string, Record<string, unknown>> = { trunkline: root, 'trunkline/spdy': spdy };
    for (const { path, name } of rows) {
      const isValue = /^[a-z]|^HEADER_|^Spdy|Error$/.test(name);
      if (isValue && path in modules) assert.notEqual(modules[path]?.[name], undefined, `${path}: ${name}`);
    }
  });
});
