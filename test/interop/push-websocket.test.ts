// One event log, followed over WebSockets by clients that are not ours: a page in Chromium, gorilla/websocket and ws. Their
// connections are cut; each must see all events once, in order.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { EventLog } from '../../src/push/log/event-log.js';
import { webSocketHandler } from '../../src/push/websocket/index.js';
import { PushClient } from '../support/push-websocket.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { launchChromium } from './support/chromium.js';
import { buildGoPrograms, startGo } from './support/go-programs.js';

const COUNT = 300;
const textOf = (n: number): string => `event ${n} "é…\u{1F600}"\n${'x'.repeat(n % 200)}`;
const expected = Array.from({ length: COUNT }, (_, i) => [i % 2 === 0 ? 'even' : 'message', textOf(i)]);

let log: EventLog;
let server: Server;
let proxy: TcpProxy;
let browser: Browser;

/** Follows with a page's own WebSocket until it has all events: on resuming from the last cursor after each cut. */
const PAGE = `<!doctype html><title>page</title><script>
function follow(count, id) {
  return new Promise((resolve) => {
    const events = [];
    let cursor, opened = 0;
    const open = () => {
      const socket = new WebSocket('ws://' + location.host + '/push', 'push.trunkline.dev.v1');
      socket.onopen = () => {
        opened++;
        socket.send(JSON.stringify({ type: 'subscribe', id, stream: 'a', cursor }));
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.id !== id) throw new Error('a message for ' + message.id);
        if (message.type === 'subscribed') document.title = 'following';
        if (message.type === 'event') events.push([message.event, message.data]);
        if (message.cursor !== undefined) cursor = message.cursor;
        if (events.length === count) socket.close();
      };
      socket.onclose = () => {
        if (events.length >= count) resolve({ events, opened });
        else setTimeout(open, 5);
      };
    };
    open();
  });
}
</script>`;

before(async () => {
  buildGoPrograms();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
});

/** Everything anew, behind a proxy that cuts. */
async function start(): Promise<void> {
  log = new EventLog();
  server = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE));
  server.on('upgrade', webSocketHandler(log)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let seed = 11;
  proxy = await startTcpProxy({
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: {
      direction: 'down',
      after: () => (seed = (seed * 16_807) % 2_147_483_647) % 20_000,
      request: /^GET \/push/,
    },
  });
}

async function stop(): Promise<void> {
  log.close();
  await proxy[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

async function publishAll(): Promise<void> {
  for (let n = 0; n < COUNT; n++) {
    log.publish('a', textOf(n), { type: n % 2 === 0 ? 'even' : 'message' });
    log.publish('b', 'of another stream');
    if (n % 10 === 0) await delay(2);
  }
}

interface GoLine {
  readonly subscribed?: boolean;
  readonly data?: string;
  readonly type?: string;
  readonly calls?: number;
}

describe('WebSockets of the event log', { timeout: 120_000 }, () => {
  for (const id of [undefined, 'é"1"']) {
    const name = id === undefined ? '' : ', in fragments';
    it(`are followed by a page in Chromium over cut connections${name}`, async () => {
      await start();
      const page = await browser.newPage();
      await page.goto(`http://${proxy.address}/`);
      const following = page.evaluate<{ events: unknown; opened: number }>(`follow(${COUNT}, ${JSON.stringify(id)})`);
      await page.waitForFunction("document.title === 'following'");
      await publishAll();
      const { events, opened } = await following;
      assert.deepEqual(events, expected);
      assert.ok(opened > 2 && proxy.cuts() > 2, `${opened} connections, ${proxy.cuts()} cuts`);
      await page.close();
      await stop();
    });

    it(`are followed by gorilla/websocket over cut connections, with credit${name}`, async () => {
      await start();
      const args = [`ws://${proxy.address}/push`, 'a', String(COUNT), ...(id === undefined ? [] : [id])];
      const client = startGo<GoLine>('pushwebsocket', args);
      await client.line(({ subscribed }) => subscribed === true);
      await publishAll();
      const { lines, status, stderr } = await client.finished;
      assert.equal(status, 0, stderr);
      const events = lines.filter(({ data }) => data !== undefined);
      assert.deepEqual(
        events.map(({ type, data }) => [type, data]),
        expected,
      );
      assert.ok((lines.at(-1)?.calls ?? 0) > 2 && proxy.cuts() > 2);
      await stop();
    });
  }

  it('are followed by ws over cut connections, by the address alone', async () => {
    await start();
    const events: unknown[] = [];
    let cursor = '';
    let publishing: Promise<void> | undefined;
    while (events.length < COUNT) {
      using client = new PushClient(proxy.address, `push?stream=a&cursor=${cursor}`);
      try {
        for (;;) {
          const message = await client.messages.next();
          cursor = message.cursor ?? cursor;
          publishing ??= publishAll();
          if (message.type === 'event') events.push([message.event, message.data]);
          else assert.equal(message.type, 'subscribed');
          if (events.length === COUNT) break;
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    }
    assert.deepEqual(events, expected);
    assert.ok(proxy.cuts() > 2, `${proxy.cuts()} cuts`);
    await publishing;
    await stop();
  });

  it('refuse a page of another origin', async () => {
    await start();
    const page = await browser.newPage();
    // The same machine under another name is another origin.
    await page.goto(`http://localhost:${proxy.address.split(':')[1]}/`);
    const code = await page.evaluate<number>(
      `new Promise((resolve) => {
        new WebSocket('ws://${proxy.address}/push?stream=a').onclose = (event) => resolve(event.code);
      })`,
    );
    assert.equal(code, 1006);
    assert.deepEqual(log.subscribers(), []);
    await page.close();
    await stop();
  });
});
