import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { Page } from './types.js';

type ScriptKind = Exclude<Page['kind'], 'html'>;

/** By the values of `META: global`; service workers need a secure origin, shells a shell. */
const GLOBALS: Readonly<Record<string, readonly ScriptKind[]>> = {
  window: ['window'],
  dedicatedworker: ['worker'],
  sharedworker: ['sharedworker'],
  worker: ['worker', 'sharedworker'],
};
const ENDINGS: Readonly<Record<ScriptKind, string>> = {
  window: '.any.html',
  worker: '.any.worker.html',
  sharedworker: '.any.sharedworker.html',
};

/** The pages that a copy of web-platform-tests has for event streams, as wptserve would offer them. */
export function listPages(root: string): Page[] {
  const folder = join(root, 'eventsource');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => !name.split('/').includes('resources'))
    .toSorted()
    .flatMap((source) => pagesOf(source, readFileIn(folder, source)));
}

function readFileIn(folder: string, name: string): string {
  return /\.(?:html?|js)$/.test(name) ? readFileSync(join(folder, name), 'utf8') : '';
}

function pagesOf(source: string, text: string): Page[] {
  if (/\.html?$/.test(source)) {
    const title = /<title>(.*?)<\/title>/is.exec(text)?.[1] ?? source;
    const scripts = [...text.matchAll(/<script src="?([^\s">]+)/gi)].map(([, script = '']) => script);
    return [{ name: source, source, kind: 'html', scripts, title, long: /name="?timeout/i.test(text) }];
  }
  const [, stem = '', form] = /^(.*)\.(any|window|worker)\.js$/.exec(source) ?? [];
  if (form === undefined) return [];
  const meta = [...text.matchAll(/^\/\/ META: (\w+)=(.*)$/gm)];
  const page = {
    source,
    scripts: meta.filter(([, key]) => key === 'script').map(([, , script = '']) => script.trim()),
    title: meta.find(([, key]) => key === 'title')?.[2]?.trim() ?? '',
    long: meta.some(([, key, value]) => key === 'timeout' && value === 'long'),
  };
  if (form !== 'any') return [{ ...page, name: `${stem}.${form}.html`, kind: form === 'window' ? 'window' : 'worker' }];
  const globals = meta.find(([, key]) => key === 'global')?.[2] ?? 'window,dedicatedworker';
  const kinds = new Set(globals.split(',').flatMap((name) => GLOBALS[name.trim()] ?? []));
  return [...kinds].map((kind) => ({ ...page, name: `${stem}${ENDINGS[kind]}`, kind }));
}

/** The file of the copy that a path stands for, seen from a page. */
export function fileOf(root: string, page: string, path: string): string {
  return join(root, path.startsWith('/') ? path : posix.join('/eventsource', dirname(page), path));
}

/** The first file that the page needs and the copy lacks. Of one there is ours. */
export function missingScript(root: string, { source, scripts }: Page): string | undefined {
  return scripts.find(
    (script) => !script.endsWith('/testharnessreport.js') && !existsSync(fileOf(root, source, script)),
  );
}
