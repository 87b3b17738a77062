import { deferred } from '../../src/clock/deferred.js';
import { launchChromium } from '../interop/support/chromium.js';
import { REPORT_BINDING } from './documents.js';
import { HOST } from './server.js';
import type { PageResult, PageRunner } from './types.js';

const TIMEOUT = 70_000;

/** Why some files are not run in Chromium, by parts of their names. */
const NOT_RUN: Readonly<Record<string, string>> = {
  bfcache: 'needs the suite’s helpers for remote contexts; about documents, not about streams',
  'from-readable-stream': 'a proposal, not part of the standard',
};

/** Tests that Chromium fails whoever serves it: parts of their files' and of their own names. */
const KNOWN_FAILURES: readonly (readonly [file: string, test: string, reason: string])[] = [
  ['constructor-url-bogus', '', 'Chromium takes a space in a host for a part of its name'],
  ['format-utf-8', '', 'Chromium refuses a charset parameter that is not UTF-8'],
  ['cross-origin-preflight', 'unsafe', 'Chromium sends Last-Event-ID without a preflight (whatwg/fetch issue 568)'],
];

/** Runs pages in Chromium, whose names below {@link HOST} all lead to this machine. */
export async function chromiumPages(port: number): Promise<PageRunner> {
  const browser = await launchChromium([`--host-resolver-rules=MAP ${HOST} 127.0.0.1,MAP *.${HOST} 127.0.0.1`]);
  return {
    reasonToSkip: ({ source }) => Object.entries(NOT_RUN).find(([part]) => source.includes(part))?.[1],
    knownFailure: ({ source }, test) =>
      KNOWN_FAILURES.find(([file, name]) => source.includes(file) && test.includes(name))?.[2],
    async run({ name }): Promise<PageResult[]> {
      const context = await browser.newContext();
      try {
        const page = await context.newPage();
        const results = deferred<PageResult[]>();
        await page.exposeFunction(REPORT_BINDING, results.resolve);
        await page.goto(`http://${HOST}:${port}/eventsource/${name}`, { waitUntil: 'commit' });
        setTimeout(() => results.resolve([]), TIMEOUT).unref();
        return await results.promise;
      } finally {
        await context.close();
      }
    },
    [Symbol.asyncDispose]: async () => await browser.close(),
  };
}
