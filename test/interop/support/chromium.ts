import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** Installs Debian's Chromium when there is none. Without a browser there is nothing to test in, so that is an error. */
function ensureChromium(): void {
  if (existsSync(PROGRAM)) return;
  apt(['update']);
  apt(['install', '-y', '--no-install-recommends', 'chromium']);
  if (!existsSync(PROGRAM)) throw new Error(`apt-get install chromium left no ${PROGRAM}`);
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { error, status, stderr } = spawnSync('apt-get', args, { encoding: 'utf8', env });
  if (error !== undefined)
    throw new Error('the browser tests need Chromium, and apt-get to install it', { cause: error });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stderr}`);
}

/** Starts Chromium without a window. */
export async function launchChromium(): Promise<Browser> {
  ensureChromium();
  return await chromium.launch({
    executablePath: PROGRAM,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc'],
  });
}

/** Process ids of the pages' renderers. */
export async function rendererPids(browser: Browser): Promise<readonly number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}
