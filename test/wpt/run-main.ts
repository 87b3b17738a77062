import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromiumPages } from './chromium-pages.js';
import { nodePages } from './node-pages.js';
import { listPages, missingScript } from './pages.js';
import { servePages } from './server.js';
import type { Page, PageResult, PageRunner } from './types.js';

/**
 * Runs the eventsource files of a local copy of web-platform-tests against our client, or with `--browser` against
 * Chromium's; the handlers are served by us. `npm run test:wpt -- DIR [--browser] [--only PART]`, DIR being the root of
 * the copy. Fails when a file fails.
 */

const WORDS = { passed: 'ok', known: 'known', failed: 'FAIL' } as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { browser: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const root = resolve(positionals[0] ?? '.');
const needed = ['resources/testharness.js', 'eventsource'].find((path) => !existsSync(join(root, path)));
if (positionals.length !== 1 || needed !== undefined) {
  console.error('usage: npm run test:wpt -- DIR [--browser] [--only PART]');
  console.error('DIR is a copy of web-platform-tests: resources/testharness.js, eventsource/, common/');
  process.exit(2);
}

const pages = listPages(root).filter(({ name }) => values.only === undefined || name.includes(values.only));
const counts = { passed: 0, known: 0, failed: 0, skipped: 0, tests: 0 };
{
  await using server = await servePages(root, pages);
  await using runner = values.browser ? await chromiumPages(server.port) : nodePages(root, server.port);
  for (const page of pages) {
    const missing = missingScript(root, page);
    const reason = runner.reasonToSkip(page) ?? (missing === undefined ? undefined : `the copy has no ${missing}`);
    if (reason === undefined) report(page, await runner.run(page), runner);
    else {
      counts.skipped += 1;
      console.log(`- ${page.name}: not run, ${reason}`);
    }
    server.cut();
  }
}
const { passed, known, failed, skipped, tests } = counts;
console.log(`pages: ${passed} passed, ${known} failed as known, ${failed} failed, ${skipped} not run; ${tests} tests`);
if (failed > 0 || passed === 0) process.exitCode = 1;

function report(page: Page, results: readonly PageResult[], runner: PageRunner): void {
  const failures = results
    .filter((result) => !result.passed)
    .map((result) => ({ ...result, reason: runner.knownFailure(page, result.name) }));
  const failure = results.length === 0 || failures.some(({ reason }) => reason === undefined);
  const outcome = failure ? 'failed' : failures.length > 0 ? 'known' : 'passed';
  counts[outcome] += 1;
  counts.tests += results.length;
  console.log(`${WORDS[outcome]} ${page.name}: ${results.length || 'no'} tests`);
  for (const { name, message, reason } of failures) console.log(`    ${name}: ${reason ?? message}`);
}
