import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { EventSource } from '../../src/sse/index.js';
import { pageFetch } from '../support/page-fetch.js';
import { PageWorker } from './page-worker.js';
import { HOST } from './server.js';
import type { PageData, PageResult, PageScript } from './types.js';

/** A page of web-platform-tests, or a worker of one, in a thread: the globals of a page, as far as the files use them. */

const data = workerData as PageData;
const page = globalThis as Record<string, unknown>;
const lookup = dns.lookup;

// All hosts of the suite are this machine.
Object.assign(dns, {
  lookup: (host: string, ...rest: [never, never]) =>
    lookup(host === HOST || host.endsWith(`.${HOST}`) ? '127.0.0.1' : host, ...rest),
});
page['self'] = globalThis;
page['location'] = new URL(data.url);
page['fetch'] = pageFetch(new URL(data.url).origin);
page['EventSource'] = EventSource;
page['importScripts'] = (...paths: readonly string[]): void => {
  for (const path of paths) {
    // It is there already, and would forget what was told to it.
    if (!path.endsWith('/testharness.js')) run({ file: join(data.root, new URL(path, data.url).pathname) });
  }
};
if (data.worker) beWorker();
else bePage();

function bePage(): void {
  const [harness, ...scripts] = data.scripts;
  if (harness !== undefined) run(harness);
  // Only now: with a document the harness would expect all of a window.
  page['window'] = globalThis;
  page['document'] = { title: data.title, getElementsByTagName: () => [] };
  page['META_TITLE'] = data.title;
  page['Worker'] = class extends PageWorker {
    constructor(path: string) {
      super(data, path);
    }
  };
  report();
  for (const script of scripts) run(script);
}

function beWorker(): void {
  page['postMessage'] = (message: unknown): void => parentPort?.postMessage(message, []);
  // Like a worker's, it lets the script go on that calls it.
  page['close'] = (): unknown => setImmediate(() => parentPort?.close());
  for (const script of data.scripts) run(script);
}

function run({ file, text }: PageScript): void {
  runInThisContext(text ?? readFileSync(file, 'utf8'), { filename: file });
}

interface HarnessTest {
  readonly name: string;
  readonly status: number;
  readonly message: string | null;
}

function report(): void {
  const whenComplete = page['add_completion_callback'] as (
    callback: (tests: readonly HarnessTest[], status: Omit<HarnessTest, 'name'>) => void,
  ) => void;
  whenComplete((tests, { status, message }) => {
    const results: PageResult[] = tests.map((test) => ({
      name: test.name,
      passed: test.status === 0,
      message: test.message ?? '',
    }));
    if (status !== 0) results.push({ name: 'the harness', passed: false, message: message ?? `status ${status}` });
    parentPort?.postMessage(results, []);
  });
}
