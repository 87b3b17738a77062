import type { Page } from './types.js';

/** Told by testharness.js when a page is done: Chromium passes the results on by this name. */
export const REPORT_BINDING = 'reportResults';

/** Stands in the place of the suite's file of the same name, which is for vendors to replace. */
export const REPORT_SCRIPT: string = `add_completion_callback((tests, status) => {
  const results = tests.map(({ name, status, message }) => ({ name, passed: status === 0, message: message ?? '' }));
  if (status.status !== 0) results.push({ name: 'the harness', passed: false, message: status.message ?? 'timed out' });
  window.${REPORT_BINDING}(results);
});
`;

const GLOBAL = 'self.GLOBAL = { isWindow: () => WINDOW, isWorker: () => !WINDOW, isShadowRealm: () => false };';
const HARNESS =
  '<script src="/resources/testharness.js"></script><script src="/resources/testharnessreport.js"></script>';

/** The document for a script, as wptserve makes it. */
export function documentFor({ kind, source, scripts, title, long }: Page): string {
  const file = `/eventsource/${source}`;
  const head = `<!doctype html><meta charset=utf-8>${long ? '<meta name=timeout content=long>' : ''}`;
  const titled = `${head}<title>${escape(title)}</title>`;
  if (kind === 'window') {
    const others = scripts.map((script) => `<script src="${escape(script)}"></script>`).join('');
    const global = `<script>${GLOBAL.replaceAll('WINDOW', 'true')}</script>`;
    return `${titled}${global}${HARNESS}${others}<div id=log></div><script src="${file}"></script>`;
  }
  const script = JSON.stringify(workerScript(source));
  const made = kind === 'worker' ? `new Worker(${script})` : `new SharedWorker(${script})`;
  return `${titled}${HARNESS}<div id=log></div><script>fetch_tests_from_worker(${made});</script>`;
}

/** The script of a worker: the file itself, unless it has to be made to bring testharness.js along. */
const workerScript = (source: string): string =>
  `/eventsource/${source.endsWith('.any.js') ? source.replace(/\.js$/, '.worker.js') : source}`;

/** What `.any.worker.js` is. */
export function workerFor({ source, scripts }: Page): string {
  const files = ['/resources/testharness.js', ...scripts, `/eventsource/${source}`];
  return `${GLOBAL.replaceAll('WINDOW', 'false')}\n${files.map((file) => `importScripts(${JSON.stringify(file)});`).join('\n')}\ndone();\n`;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
