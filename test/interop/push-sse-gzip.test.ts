// Shared gzip in decoders that are not ours. Each joins a stream that others follow already, so that it sees blocks that
// were compressed for everybody, awaits each event before the next is published, and reads to the end.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually, servePush, type PushServer } from '../support/push-sse.js';
import { launchChromium } from './support/chromium.js';
import {
  followWithCurl,
  followWithFetch,
  followWithPage,
  followWithPython,
  type StreamFollower,
} from './support/stream-followers.js';

const COUNT = 20;
const text = (n: number): string => `event ${n} … ${'and so on '.repeat(n * 3)}`;

describe('a client that joins late reads what was compressed for all', { timeout: 60_000 }, () => {
  let browser: Browser;
  let page: Page;
  before(async () => {
    browser = await launchChromium();
  });
  after(async () => await browser?.close());

  const followers: Readonly<Record<string, (push: PushServer) => StreamFollower | Promise<StreamFollower>>> = {
    'curl --compressed': ({ url }) => followWithCurl(`${url}/?stream=a`, '--compressed'),
    'fetch of Node': ({ url }) => followWithFetch(`${url}/?stream=a`),
    'zlib and gzip of Python': ({ url }) => followWithPython(`${url}/?stream=a`),
    'EventSource of Chromium': async ({ url }) => {
      page = await browser.newPage();
      await page.goto(`${url}/page`);
      return await followWithPage(page, '/?stream=a');
    },
  };
  for (const [name, follow] of Object.entries(followers)) {
    it(name, async () => {
      await using push = await servePush({}, {}, (handler) => (req, res) => {
        if (req.url === '/page') res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>page</title>');
        else {
          assert.match(String(req.headers['accept-encoding']), /gzip/);
          handler(req, res);
        }
      });
      await using first = await followWithFetch(`${push.url}/?stream=a`);
      for (let n = 1; n <= 5; n++) {
        push.log.publish('a', text(n));
        await first.seen(n);
      }
      await using late = await follow(push);
      await eventually(() => push.log.subscribers().length === 2);
      for (let n = 6; n <= COUNT; n++) {
        push.log.publish('a', text(n));
        await Promise.all([first.seen(n), late.seen(n - 5)]);
      }
      // Two in one tick are compressed together.
      push.log.publish('a', text(COUNT + 1));
      push.log.publish('a', text(COUNT + 2));
      const expected = Array.from({ length: COUNT - 3 }, (_, i) => text(i + 6));
      assert.deepEqual(await late.seen(expected.length), expected);
      push.log.close();
      await Promise.all([first.ended(), late.ended()]);
    });
  }
});
