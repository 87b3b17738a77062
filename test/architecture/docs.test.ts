import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/index.js';
import { projectRoot } from '../support/project-root.js';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

describe('docs/limits.md', () => {
  it('says of every limit what its docstring says', () => {
    const source = read('src/limits/limits.ts');
    const fields = source.slice(source.indexOf('export interface Limits {'), source.indexOf('/** The defaults of'));
    const said = [...fields.matchAll(/\/\*\*([^]*?)\*\/\s+readonly (\w+): number;/g)].map(([, comment = '', name]) => {
      const text = comment.replaceAll(/\s+\*\s|\s+/g, ' ').trim();
      return [name, text.replace(/ Default [\d,]+\./, '')];
    });
    const listed = [...read('docs/limits.md').matchAll(/^\| `(\w+)` +\| [\d,]+ +\| (.*?) +\|$/gm)].map(
      ([, name, text]) => [name, text],
    );
    assert.deepEqual(listed, said);
  });

  it('lists every limit with its default', () => {
    const listed = [...read('docs/limits.md').matchAll(/^\| `(\w+)` +\| ([\d,]+) +\| \S/gm)].map(([, name, value]) => [
      name,
      Number(value?.replaceAll(',', '')),
    ]);
    assert.deepEqual(Object.fromEntries(listed.filter(([name]) => String(name) in DEFAULT_LIMITS)), {
      ...DEFAULT_LIMITS,
    });
  });
});

describe('the README', () => {
  it('lists every entry point', () => {
    const manifest = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
    const paths = Object.keys(manifest.exports).filter((path) => path !== './package.json');
    for (const path of paths) assert.ok(read('README.md').includes(`| \`trunkline${path.slice(1)}\` `), path);
  });
});

describe('links in documents', () => {
  const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'examples/README.md'].concat(
    readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  );
  for (const page of pages) {
    it(`lead somewhere: ${page}`, () => {
      for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
        assert.ok(existsSync(join(projectRoot, dirname(page), target)), `${page} → ${target}`);
      }
    });
  }
});

describe('docs/conformance.md', () => {
  it('names test files that exist', () => {
    const named = [...read('docs/conformance.md').matchAll(/`(test\/[\w./-]+\.ts)`/g)].map(([, file]) => file ?? '');
    assert.ok(named.length > 10, `${named.length} files named`);
    for (const file of named) assert.ok(existsSync(join(projectRoot, file)), file);
  });
});

describe('SECURITY.md', () => {
  it('names attack tests that exist', () => {
    const files = readdirSync(join(projectRoot, 'test', 'security'));
    const named = [...read('SECURITY.md').matchAll(/`([\w-]+-\d\d-)\*`/g)].map(([, prefix]) => prefix ?? '');
    assert.ok(named.length > 10);
    for (const prefix of named)
      assert.ok(
        files.some((file) => file.startsWith(prefix)),
        `${prefix}*`,
      );
  });
});
