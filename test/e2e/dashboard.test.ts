// The dashboard of `trunkline cluster`, in Chromium: `npm run build` comes first.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../interop/support/chromium.js';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';

/** A page, and what was wrong in it. */
interface Opened {
  readonly page: Page;
  /** Errors on the console, exceptions, and requests to other servers. */
  readonly wrong: string[];
}

/** What pods that have just been killed make of a request is no error of the page's, but Chromium writes it down. */
const REFUSED = /Failed to load resource: the server responded with a status of 50[234]/;

let browser: Browser;

async function open(url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !REFUSED.test(message.text())) wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error.stack)));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(url).origin) wrong.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrong };
}

/** The number that a figure of the demonstration shows. */
async function figure(page: Page, name: string): Promise<number> {
  const text = await page.locator(`#verdict [data-figure="${name}"]`).textContent();
  return Number(text?.replaceAll(',', ''));
}

async function startFleet(page: Page): Promise<void> {
  await page.locator('#fleet-start').click();
  await page.locator('#fleet-kill:not([disabled])').waitFor();
}

/** Waits until an expression is true in the page, whose policy forbids it to evaluate any by itself. */
async function until(page: Page, expression: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if ((await page.evaluate(expression)) === true) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`it never became true: ${expression}`);
}

const ALL_BACK = `document.querySelectorAll('#fleet li[data-state="open"]').length === 12`;

before(async () => {
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
});

describe('the dashboard in Chromium', { timeout: 170_000 }, () => {
  let cluster: ClusterProcess;

  before(async () => {
    cluster = await startClusterProcess();
  });
  after(async () => {
    await cluster?.stop();
  });

  it('shows the pods, their links and what flows', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await until(page, `document.querySelectorAll('.node[data-state="ready"]').length === 3`);
    await until(page, `/^\\d+\\.\\d\\d ms$/.test(document.querySelector('.label .trip')?.textContent ?? '')`);
    assert.equal(await page.locator('#graph .label').count(), 3);
    const names = await page.locator('#pod-list b').allTextContents();
    assert.deepEqual(names.toSorted(), cluster.pods.map(({ name }) => name).toSorted());
    // The pods tick, and the feed follows.
    await page.locator('#events li:not(.notice)').first().waitFor();
    await until(page, `/^[\\d.]+ (ms|s)$/.test(document.querySelector('[data-figure="latency"]').textContent)`);
    await until(page, `document.querySelectorAll('#charts canvas').length === 2`);
    assert.match((await page.locator('#throughput').getAttribute('aria-label')) ?? '', /published \d/);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  it('publishes, and shows the event', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await page.locator('#feed-note', { hasText: 'through' }).waitFor();
    await page.locator('#publish-pod option').nth(3).waitFor({ state: 'attached' });
    await page.locator('#publish-data').fill('from <b>Chromium</b>');
    await page.locator('#publish-ack').selectOption('all');
    await page.locator('#publish-data').press('Control+Enter');
    await page.locator('#events .data', { hasText: 'from <b>Chromium</b>' }).waitFor();
    await page.locator('#publish-result', { hasText: '3 pods have it' }).waitFor();
    await page.locator('#publish-times').fill('50');
    await page.locator('#publish-form .primary').click();
    await page.locator('#publish-result', { hasText: '50 events in' }).waitFor();
    await page.locator('#events .data', { hasText: 'Chromium</b> 50' }).waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });

  it('kills and replaces pods under clients that miss nothing and get nothing twice', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await page.locator('.node').nth(2).waitFor();
    await startFleet(page);
    await until(page, ALL_BACK);
    for (const action of ['kill', 'replace', 'kill'] as const) {
      const resumed = await figure(page, 'resumed');
      await page.locator(`#fleet-${action}`).click();
      const moved = `Number(document.querySelector('#verdict [data-figure="resumed"]').textContent) > ${resumed}`;
      await until(page, `${moved} && ${ALL_BACK}`);
      await until(page, `document.querySelectorAll('.node[data-state="ready"]').length === 3`);
    }
    const published = await figure(page, 'published');
    await until(
      page,
      `Number(document.querySelector('#verdict [data-figure="published"]').textContent) > ${published}`,
    );
    await page.locator('#fleet-start').click();
    await page.locator('#fleet-note', { hasText: 'Over: nothing was missed, nothing repeated.' }).waitFor();
    assert.equal(await figure(page, 'received'), 12 * (await figure(page, 'published')));
    assert.deepEqual([await figure(page, 'missed'), await figure(page, 'repeated')], [0, 0]);
    assert.ok((await page.locator('#moves li').allTextContents()).every((text) => text.includes('served again after')));
    assert.ok((await page.locator('#events .notice.kill').count()) >= 2);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  it('opens a terminal in a pod', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await page.locator('#pod-list button', { hasText: 'Terminal' }).nth(1).click();
    const screen = page.locator('.xterm-rows');
    await screen.locator('text=/[#$] ?/').first().waitFor();
    const pod = (await page.locator('#terminal-pod').inputValue()) ?? '';
    await page.keyboard.type('echo "on $POD_NAME"; tty\r');
    await screen.getByText(`on ${pod}`, { exact: true }).waitFor();
    await screen.locator('text=/dev\\/pts\\/\\d+/').first().waitFor();
    let asked = 0;
    const columnsNow = async (): Promise<number> => {
      asked += 1;
      await page.keyboard.type(`echo size${asked} $(stty size)\r`);
      const line = await screen.locator(`text=/^size${asked} \\d+ \\d+\\s*$/`).first().textContent();
      return Number(line?.trim().split(' ')[2]);
    };
    const wide = await columnsNow();
    await page.setViewportSize({ width: 420, height: 800 });
    await until(page, `document.querySelector('.xterm-screen').clientWidth < 420`);
    const narrow = await columnsNow();
    assert.ok(narrow > 10 && narrow < wide, `${narrow} columns, ${wide} before`);
    // Tab is the terminal's; F6 leads out of it.
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(`document.activeElement.closest('#terminal') !== null`), true);
    await page.keyboard.press('F6');
    assert.equal(await page.evaluate('document.activeElement.id'), 'terminal-close');
    await page.locator('#terminal textarea').focus();
    await page.keyboard.type('\x03exit 7\r');
    await page.locator('#terminal-note', { hasText: 'exit code 7' }).waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });

  it('follows the log of a pod', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await page.locator('#pod-list button', { hasText: 'Logs' }).first().click();
    await until(page, `document.querySelector('#logs').textContent.length > 20`);
    assert.equal(await page.locator('#panel-terminal').isVisible(), false);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  it('works by keyboard', async () => {
    const { page, wrong } = await open(cluster.dashboard);
    await page.locator('.node').nth(2).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    const reached = new Set<string>();
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate<string>('document.activeElement.id || document.activeElement.textContent'));
      if (reached.has('Licences of what is in this page')) break;
    }
    const wanted = [
      'Kill',
      'fleet-start',
      'feed-streams',
      'events',
      'publish-data',
      'tab-terminal',
      'terminal-open',
      'Copy',
    ];
    for (const id of wanted) assert.ok(reached.has(id), `${id} of ${[...reached].join()}`);
    assert.ok(!reached.has('tab-logs'), 'tabs are one stop');
    await page.locator('#tab-terminal').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.evaluate('document.activeElement.id'), 'tab-logs');
    assert.equal(await page.locator('#panel-logs').isVisible(), true);
    const unlabelled = `[...document.querySelectorAll('button, input, select, textarea')].filter((e) =>
      e.offsetParent !== null && !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).map((e) => e.outerHTML)`;
    assert.deepEqual(await page.evaluate(unlabelled), []);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`fits narrow and wide windows, ${colorScheme}, and moves nothing for those who want it so`, async () => {
      const { page, wrong } = await open(cluster.dashboard, { colorScheme, reducedMotion: 'reduce' });
      await page.locator('.node').nth(2).waitFor();
      for (const width of [360, 390, 768, 1024, 1600]) {
        await page.setViewportSize({ width, height: 800 });
        await until(page, `innerWidth === ${width}`);
        assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width, `${width} wide`);
      }
      await page.locator('#events li:not(.notice)').nth(3).waitFor();
      assert.equal(await page.locator('.pulse').count(), 0);
      // All text stands out from what is behind it (WCAG 1.4.3), as far as plain colours tell.
      const ratio = await page.evaluate<number>(CONTRAST);
      assert.ok(ratio >= 4.5, `${ratio}`);
      assert.deepEqual(wrong, []);
      await page.close();
    });
  }

  it('says when the cluster does not answer, and goes on with the next one', async () => {
    const first = await startClusterProcess(['--pods', '1']);
    const { page } = await open(first.dashboard);
    await page.locator('#connection', { hasText: 'live' }).waitFor();
    await first.stop();
    await page.locator('#connection', { hasText: 'does not answer' }).waitFor();
    const second = await startClusterProcess(['--pods', '2', '--port', new URL(first.dashboard).port]);
    try {
      await page.locator('#connection', { hasText: 'live' }).waitFor();
      await page.locator('#pod-list b', { hasText: second.pods[1]?.name ?? '' }).waitFor();
      assert.equal(await page.locator('#pod-list b').count(), 2);
      await page.close();
    } finally {
      await second.stop();
    }
  });
});

describe('the dashboard of programs of one’s own, in Chromium', { timeout: 60_000 }, () => {
  it('has pods, logs and terminals, and says so', async () => {
    const program = `require('http').createServer((q, s) => s.end('mine')).listen(process.env.PORT, process.env.POD_IP);
      console.log('my program is up')`;
    const cluster = await startClusterProcess(['--pods', '2', '--', process.execPath, '-e', program]);
    try {
      const { page, wrong } = await open(cluster.dashboard);
      await page.locator('#own-program', { hasText: 'a program of your own' }).waitFor();
      assert.equal(await page.locator('#resume').isVisible(), false);
      assert.equal(await page.locator('#publish').isVisible(), false);
      await until(page, `document.querySelectorAll('.node[data-state="ready"]').length === 2`);
      await page.locator('#pod-list button', { hasText: 'Logs' }).first().click();
      await page.locator('#logs', { hasText: 'my program is up' }).waitFor();
      await page.locator('#pod-list button', { hasText: 'Kill' }).first().click();
      await page.locator('#pod-list .state', { hasText: '1 restart' }).waitFor();
      assert.deepEqual(wrong, []);
      await page.close();
    } finally {
      await cluster.stop();
    }
  });
});

/** The least contrast of a text with the card that it is on. */
const CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = (color, behind) => {
    canvas.fillStyle = behind; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let least = 21;
  for (const element of document.querySelectorAll('.card :is(h2, h3, p, dt, dd, label, button:enabled, code, time, .data, .state, .facts, .pod)')) {
    if (element.offsetParent === null || element.textContent.trim() === '' || element.matches('.chart *')) continue;
    const chain = [];
    for (let at = element; at !== null; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    let behind = 'white';
    for (const color of chain) {
      canvas.fillStyle = behind; canvas.fillRect(0, 0, 1, 1);
      canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
      const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
      behind = 'rgb(' + r + ',' + g + ',' + b + ')';
    }
    const [a, b] = [luminance(getComputedStyle(element).color, behind), luminance(behind, behind)].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
})()`;
