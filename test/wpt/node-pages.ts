import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fileOf } from './pages.js';
import { HOST } from './server.js';
import type { Page, PageData, PageResult, PageRunner, PageScript } from './types.js';

const TIMEOUT = 70_000;

/** Parts of file names, and why Node cannot run the file. */
const BROWSER_ONLY: Readonly<Record<string, string>> = {
  bfcache: 'back/forward cache',
  'document-domain': 'document.domain',
  'multi-window': 'two windows',
  'onmessage-realm': 'realms of frames',
  'onmessage-trusted': 'isTrusted is false for events that a program dispatches',
  'request-cancellation': 'window.stop()',
  'shared-worker': 'shared workers',
  'from-readable-stream': 'a proposal, not part of the standard',
};

/** Runs pages in worker threads with our client as their EventSource. */
export function nodePages(root: string, port: number): PageRunner {
  return {
    knownFailure: () => undefined,
    reasonToSkip({ source, kind }) {
      // The same script once for each: nothing about them differs here.
      if (kind === 'sharedworker') return 'shared workers';
      return Object.entries(BROWSER_ONLY).find(([part]) => source.includes(part))?.[1];
    },
    async run(page) {
      const data: PageData = {
        root,
        url: `http://${HOST}:${port}/eventsource/${page.name}`,
        title: page.title,
        scripts: scriptsOf(root, page),
        worker: false,
      };
      const worker = new Worker(new URL('page-main.js', import.meta.url), { workerData: data });
      const results = new Promise<PageResult[]>((resolve) => {
        worker.on('message', resolve);
        worker.on('error', (error) => resolve([{ name: 'the page', passed: false, message: String(error) }]));
        worker.on('exit', () => resolve([]));
        setTimeout(() => resolve([]), TIMEOUT).unref();
      });
      try {
        return await results;
      } finally {
        await worker.terminate();
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function scriptsOf(root: string, { kind, source, scripts }: Page): PageScript[] {
  const harness = { file: join(root, 'resources', 'testharness.js') };
  const file = join(root, 'eventsource', source);
  if (kind !== 'html') return [harness, ...scripts.map((path) => ({ file: fileOf(root, source, path) })), { file }];
  const document = readFileSync(file, 'utf8');
  return [...document.matchAll(/<script(?: src="?([^\s">]+)"?)?>(.*?)<\/script>/gis)].flatMap(([, path, text = '']) => {
    if (path === undefined) return [{ file, text }];
    const script = fileOf(root, source, path);
    // Each page has its own way to report.
    return script.endsWith('testharnessreport.js') || !existsSync(script) ? [] : [{ file: script }];
  });
}
