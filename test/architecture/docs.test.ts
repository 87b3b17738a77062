import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/index.js';
import { DEFAULT_HISTORY, DEFAULT_LOG_LIMITS } from '../../src/push/log/settings.js';
import { projectRoot } from '../support/project-root.js';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

/** Interfaces of limits, where they are declared, the section that lists them, and their defaults. */
const LIMITS: readonly {
  readonly name: string;
  readonly source: string;
  readonly section: RegExp;
  readonly defaults: object;
}[] = [
  { name: 'Limits', source: 'src/limits/limits.ts', section: /^# Limits$/, defaults: DEFAULT_LIMITS },
  {
    name: 'History',
    source: 'src/push/log/settings.ts',
    section: /^## History of an event log$/,
    defaults: DEFAULT_HISTORY,
  },
  { name: 'LogLimits', source: 'src/push/log/settings.ts', section: /^## Event logs$/, defaults: DEFAULT_LOG_LIMITS },
];

describe('docs/limits.md', () => {
  for (const { name, source, section, defaults } of LIMITS) {
    const rows = [...sectionOf(read('docs/limits.md'), section).matchAll(/^\| `(\w+)` +\| ([\d,]+) +\| (.*?) +\|$/gm)];

    it(`says of every member of ${name} what its docstring says`, () => {
      const text = read(source);
      const start = text.indexOf(`export interface ${name} {`);
      const fields = text.slice(start, text.indexOf('\n}\n', start));
      const said = [...fields.matchAll(/\/\*\*([^]*?)\*\/\s+readonly (\w+): number;/g)].map(
        ([, comment = '', member]) => {
          const words = comment.replaceAll(/\s+\*\s|\s+/g, ' ').trim();
          return [member, words.replace(/ Default [\d,]+\./, '')];
        },
      );
      assert.deepEqual(
        rows.map(([, member, , words]) => [member, words]),
        said,
      );
    });

    it(`lists every member of ${name} with its default`, () => {
      const listed = rows.map(([, member, value]) => [member, Number(value?.replaceAll(',', ''))] as const);
      assert.deepEqual(Object.fromEntries(listed), { ...defaults });
    });
  }
});

/** The lines below a heading, up to the next one. */
function sectionOf(page: string, heading: RegExp): string {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  assert.ok(start >= 0, `no heading ${heading}`);
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('#'));
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n');
}

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
