import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { serve } from '../support/event-streams.js';
import { wptHandlers } from '../support/wpt-handlers.js';
import type { PageData, PageResult } from './types.js';

/**
 * Runs the eventsource files of a local copy of web-platform-tests against our client, the handlers served by us:
 * `npm run test:wpt -- DIR`, DIR being the root of the copy. Fails when a file fails that is not for browsers only.
 */

/** Parts of file names, and why Node cannot run the file. */
const BROWSER_ONLY: Readonly<Record<string, string>> = {
  bfcache: 'back/forward cache',
  'document-domain': 'document.domain',
  'multi-window': 'two windows',
  'onmessage-realm': 'realms of frames',
  'onmessage-trusted': 'isTrusted is false for events that a program dispatches',
  'request-cancellation': 'window.stop()',
  'request-credentials': 'cookies',
  'cross-origin': 'CORS is enforced by browsers',
  'shared-worker': 'shared workers',
  'from-readable-stream': 'not part of the standard',
  idlharness: 'WebIDL of browsers',
};
const PAGE_TIMEOUT = 20_000;

const [folder] = process.argv.slice(2);
const root = resolve(folder ?? '.');
const harness = join(root, 'resources', 'testharness.js');
if (folder === undefined || !existsSync(harness) || !existsSync(join(root, 'eventsource'))) {
  console.error('usage: npm run test:wpt -- DIR, DIR having resources/testharness.js and eventsource/');
  process.exit(2);
}

const files = readdirSync(join(root, 'eventsource'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:any|window)\.js$/.test(name))
  .toSorted();
const handle = wptHandlers();
await using server = await serve(async (request, response) => {
  if (!(await handle(request, response))) response.writeHead(404).end();
});

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const name of files) {
  const reason = Object.entries(BROWSER_ONLY).find(([part]) => name.includes(part))?.[1];
  if (reason !== undefined) {
    counts.skipped += 1;
    console.log(`- ${name}: browser-only, ${reason}`);
    continue;
  }
  const results = await runPage(name);
  const failures = results.filter(({ passed }) => !passed);
  counts[failures.length === 0 ? 'passed' : 'failed'] += 1;
  console.log(`${failures.length === 0 ? 'ok' : 'FAIL'} ${name}: ${results.length} tests`);
  for (const failure of failures) console.log(`    ${failure.name}: ${failure.message}`);
}
console.log(`files: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} browser-only`);
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;

/** The results of a file; none at all is a failure too. */
async function runPage(name: string): Promise<PageResult[]> {
  const file = join(root, 'eventsource', name);
  const meta = [...readFileSync(file, 'utf8').matchAll(/^\/\/ META: (\w+)=(.*)$/gm)];
  const scripts = meta.filter(([, key]) => key === 'script').map(([, , path = '']) => path);
  const page: PageData = {
    harness,
    scripts: [...scripts.map((path) => (path.startsWith('/') ? join(root, path) : join(dirname(file), path))), file],
    url: `${server.url}/eventsource/${name.replace(/\.js$/, '.html')}`,
    title: meta.find(([, key]) => key === 'title')?.[2] ?? name,
  };
  const worker = new Worker(new URL('page-main.js', import.meta.url), { workerData: page });
  const timeout = AbortSignal.timeout(PAGE_TIMEOUT);
  const failure = (message: string): PageResult[] => [{ name: 'the page', passed: false, message }];
  const results = await new Promise<PageResult[]>((done) => {
    worker.on('message', (value: PageResult[]) => done(value.length > 0 ? value : failure('no tests')));
    worker.on('error', (error) => done(failure(String(error))));
    worker.on('exit', () => done(failure('the page ended before its tests did')));
    timeout.addEventListener('abort', () => done(failure('no result in time')));
  });
  await worker.terminate();
  return results;
}
