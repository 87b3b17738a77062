// Event streams behind nginx as it comes: proxy buffering on, gzip on for event streams, HTTP/1.0 to what is behind it.
// Each event is awaited at the client before the next is published, so that one that is held back stops the test.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { eventually, servePush, type PushServer } from '../support/push-sse.js';
import { launchChromium } from './support/chromium.js';
import { startBufferingNginx } from './support/push-nginx.js';
import type { ReverseProxy } from './support/reverse-proxies.js';
import { followWithCurl, followWithNode, followWithPage, type StreamFollower } from './support/stream-followers.js';

const COUNT = 10;
const text = (n: number): string => `event ${n} ${'and so on '.repeat(n * 3)}`;

/** Publishes, waits for the follower, and so on. */
async function followsAtOnce({ log }: PushServer, follower: StreamFollower): Promise<void> {
  await eventually(() => log.subscribers().length === 1);
  for (let n = 1; n <= COUNT; n++) {
    log.publish('a', text(n));
    assert.equal((await follower.seen(n)).at(-1), text(n));
  }
  await follower[Symbol.asyncDispose]();
  // That the client has gone reaches us through the proxy.
  await eventually(() => log.subscribers().length === 0);
}

for (const version of ['1.0', '1.1'] as const) {
  // Ours, which nginx passes on, and that of nginx.
  for (const compression of [true, false]) {
    const who = compression ? 'we compress' : 'nginx compresses';
    describe(`through nginx, HTTP/${version} behind it, ${who}`, { timeout: 60_000 }, () => {
      let push: PushServer;
      let proxy: ReverseProxy;
      let url: string;
      before(async () => {
        push = await servePush({ compression }, {}, (handler) => (req, res) => {
          assert.equal(req.httpVersion, version);
          if (req.url === '/') res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>page</title>');
          else handler(req, res);
        });
        proxy = await startBufferingNginx(push.port, version);
        url = `http://127.0.0.1:${proxy.port}/events?stream=a`;
      });
      after(async () => {
        await push[Symbol.asyncDispose]();
        await proxy.stop();
      });

      it('events arrive at once, plain', async () => {
        await followsAtOnce(push, await followWithNode(url, false));
      });

      it('events arrive at once with gzip', async () => {
        await followsAtOnce(push, await followWithNode(url, true));
      });

      it('events arrive at once in curl', async () => {
        await followsAtOnce(push, followWithCurl(url, '--compressed'));
      });

      describe('in Chromium', () => {
        let browser: Browser;
        before(async () => {
          browser = await launchChromium();
        });
        after(async () => await browser?.close());

        it('events arrive at once', async () => {
          const page = await browser.newPage();
          await page.goto(`http://127.0.0.1:${proxy.port}/`);
          await followsAtOnce(push, await followWithPage(page, '/events?stream=a'));
        });
      });
    });
  }
}
