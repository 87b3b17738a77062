import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { EventSource } from '../../src/sse/index.js';
import type { PageData, PageResult } from './types.js';

/** One file of web-platform-tests in a worker of its own: the globals of a page, as far as these files use them. */

const { harness, scripts, url, title } = workerData as PageData;
const page = globalThis as Record<string, unknown>;

page['self'] = globalThis;
page['location'] = new URL(url);
page['EventSource'] = EventSource;
run(harness);
// Only now: with a document the harness would expect all of a window.
page['window'] = globalThis;
page['document'] = { title, getElementsByTagName: () => [] };
page['META_TITLE'] = title;

interface HarnessTest {
  readonly name: string;
  readonly status: number;
  readonly message: string | null;
}

const whenComplete = page['add_completion_callback'] as (
  callback: (
    tests: readonly HarnessTest[],
    status: { readonly status: number; readonly message: string | null },
  ) => void,
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
for (const script of scripts) run(script);

function run(file: string): void {
  runInThisContext(readFileSync(file, 'utf8'), { filename: file });
}
