import { chromium, type Browser } from 'playwright-core';
import { ensureProgram } from './debian.js';

const PROGRAM = '/usr/bin/chromium';

/** Starts Chromium without a window, with further arguments. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  ensureProgram(PROGRAM, 'chromium');
  return await chromium.launch({
    executablePath: PROGRAM,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc', ...args],
  });
}

/** Process ids of the pages' renderers. */
export async function rendererPids(browser: Browser): Promise<readonly number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}
