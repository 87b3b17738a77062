// web-platform-tests cannot be had when tests run; its runner is tried on a small copy of our own instead, which has a
// harness with the same few names and pages that pass, that fail and that say nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';

const runner = join(dirname(fileURLToPath(import.meta.url)), '..', 'wpt', 'run-main.js');

/** Tests of one page each: a promise, and who is told of its end. */
const HARNESS = `
var callbacks = [], tests = [], open = 0;
function add_completion_callback(callback) { callbacks.push(callback); }
function finish() { if (open === 0) for (const callback of callbacks) callback(tests, { status: 0, message: null }); }
function promise_test(body, name) {
  open += 1;
  const settle = (status, message) => { tests.push({ name, status, message }); open -= 1; setTimeout(finish, 0); };
  Promise.resolve().then(body).then(() => settle(0, null), (error) => settle(1, String(error)));
}
function fetch_tests_from_worker(worker) {
  worker.onmessage = (event) => { tests.push(...event.data); finish(); };
}
if (typeof document === 'undefined') add_completion_callback((results) => {
  if (typeof postMessage === 'function') postMessage(results);
});
function done() {}
function firstMessage(url) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(url);
    source.onmessage = (event) => { source.close(); resolve(event.data); };
    source.onerror = () => { if (source.readyState === 2) reject(new Error('closed')); };
  });
}
`;
const page = (url: string, expected: string): string =>
  `promise_test(async () => {
    const data = await firstMessage(${url});
    if (data !== ${JSON.stringify(expected)}) throw new Error('got ' + data);
  }, 'first message');`;
const SAME = '"resources/message.py?message=data%3Ahello"';
const FOREIGN = `location.href.replace('://', '://www2.').replace(/[^/]*$/, 'resources/cors.py?run=message')`;
const DOCUMENT = `<!DOCTYPE html><title>t</title>
<script src="/resources/testharness.js"></script><script src="/resources/testharnessreport.js"></script>
<script>${page(SAME, 'hello')}</script>`;

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'wpt-'));
  await mkdir(join(root, 'resources'));
  await writeFile(join(root, 'resources', 'testharness.js'), HARNESS);
});
after(async () => await rm(root, { recursive: true, force: true }));

/** Runs the runner on a copy with these files below eventsource/. */
async function run(
  files: Readonly<Record<string, string>>,
  ...options: readonly string[]
): Promise<{ status: number | null; lines: string[] }> {
  await rm(join(root, 'eventsource'), { recursive: true, force: true });
  await mkdir(join(root, 'eventsource'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, 'eventsource', name), content);
  const child = spawn(process.execPath, [runner, root, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { status: child.exitCode, lines: output.trim().split('\n') };
}

for (const options of [[], ['--browser']]) {
  describe(`test:wpt ${options.join(' ')}`, { timeout: 120_000 }, () => {
    it('passes pages of every kind, of this origin and of others', async () => {
      const { status, lines } = await run(
        {
          'both.any.js': page(SAME, 'hello'),
          'page.window.js': page(FOREIGN, 'data'),
          'document.htm': DOCUMENT,
          'helper.js': 'not a page',
        },
        ...options,
      );
      assert.deepEqual(lines, [
        'ok both.any.html: 1 tests',
        'ok both.any.worker.html: 1 tests',
        'ok document.htm: 1 tests',
        'ok page.window.html: 1 tests',
        'pages: 4 passed, 0 failed as known, 0 failed, 0 not run; 4 tests',
      ]);
      assert.equal(status, 0);
    });

    it('fails when a page fails', async () => {
      const files = { 'good.window.js': page(SAME, 'hello'), 'bad.window.js': page(SAME, 'something else') };
      const { status, lines } = await run(files, ...options);
      assert.deepEqual(lines, [
        'FAIL bad.window.html: 1 tests',
        '    first message: Error: got hello',
        'ok good.window.html: 1 tests',
        'pages: 1 passed, 0 failed as known, 1 failed, 0 not run; 2 tests',
      ]);
      assert.equal(status, 1);
    });

    it('leaves out what cannot run here, and fails when nothing is left', async () => {
      const files = { 'x-from-readable-stream.window.js': page(SAME, 'hello') };
      const { status, lines } = await run(files, ...options);
      assert.match(lines[0] ?? '', /^- x-from-readable-stream\.window\.html: not run, /);
      assert.equal(status, 1);
    });
  });
}

it('test:wpt refuses a folder that is no copy', async () => {
  const child = spawn(process.execPath, [runner, tmpdir()], { stdio: 'ignore' });
  await once(child, 'close');
  assert.equal(child.exitCode, 2);
});
