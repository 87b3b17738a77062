// One event stream, followed by clients that are not ours and by ours. The server cuts each connection after a few
// events; every client must see all events once, in order.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { EventSource as PackageEventSource } from 'eventsource';
import type { Browser } from 'playwright-core';
import { EventSource, SSEClient, sinkEvents, type SinkEvent } from '../../src/sse/index.js';
import { parseStream } from '../support/event-streams.js';
import { launchChromium } from './support/chromium.js';
import { ensureProgram } from './support/debian.js';

const COUNT = 25;
/** Events of a connection before it is cut. */
const PER_CONNECTION = 7;
const text = (n: number): string => `event ${n}\nin two lines, … \u{1F600}`;
const expected = Array.from({ length: COUNT }, (_, i) => [`é${i + 1}`, text(i + 1)]);

/** Events behind the one with this id, and then the cut. */
function* feed(lastId: string): Generator<SinkEvent> {
  const start = Number(lastId.slice(1)) || 0;
  for (let n = start + 1; n <= Math.min(COUNT, start + PER_CONNECTION); n += 1) {
    yield { id: `é${n}`, event: n % 2 === 0 ? 'even' : 'message', data: text(n) };
  }
}

let server: Server;
let origin: string;

before(async () => {
  server = createServer((request, response) => {
    if (request.url !== '/events') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>page</title>');
      return;
    }
    const lastId = Buffer.from(String(request.headers['last-event-id'] ?? ''), 'latin1').toString();
    void sinkEvents(response, 200, feed(lastId), { reconnectTime: 20 });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

interface Source {
  addEventListener(type: string, listener: (event: MessageEventLike) => void): void;
  close(): void;
}
interface MessageEventLike {
  readonly lastEventId: string;
  readonly data: string;
}

/** What a source sees, up to the last event. */
function follow(source: Source): Promise<[id: string, data: string][]> {
  return new Promise((resolve) => {
    const seen: [string, string][] = [];
    for (const type of ['message', 'even']) {
      source.addEventListener(type, ({ lastEventId, data }) => {
        seen.push([lastEventId, data]);
        if (!data.startsWith(`event ${COUNT}\n`)) return;
        source.close();
        resolve(seen);
      });
    }
  });
}

describe('one stream, cut again and again', { timeout: 60_000 }, () => {
  it('our EventSource', async () => {
    assert.deepEqual(await follow(new EventSource(`${origin}/events`)), expected);
  });

  it('our SSEClient', async () => {
    const client = new SSEClient();
    const events = client.events();
    client.getStream(`${origin}/events`);
    const seen: [string, string][] = [];
    for await (const { lastEventId, data } of events) if (seen.push([lastEventId, data]) === COUNT) break;
    client.close();
    assert.deepEqual(seen, expected);
  });

  it('the npm package eventsource', async () => {
    const seen = await follow(new PackageEventSource(`${origin}/events`));
    assert.deepEqual(
      seen.map(([, data]) => data),
      expected.map(([, data]) => data),
    );
  });

  it('curl, resumed by hand', async () => {
    ensureProgram('/usr/bin/curl', 'curl');
    const seen: [string, string][] = [];
    while (seen.length < COUNT) {
      const curl = spawn('curl', ['-sSN', '-H', `Last-Event-ID: ${seen.at(-1)?.[0] ?? '0'}`, `${origin}/events`]);
      const chunks: Buffer[] = [];
      for await (const chunk of curl.stdout) chunks.push(chunk as Buffer);
      const { events } = parseStream(Buffer.concat(chunks));
      assert.ok(events.length > 0, 'no events');
      for (const { lastEventId, data } of events) seen.push([lastEventId, data]);
    }
    assert.deepEqual(seen, expected);
  });

  describe('Chromium', () => {
    let browser: Browser;
    before(async () => {
      browser = await launchChromium();
    });
    after(async () => await browser?.close());
    it('its EventSource', async () => {
      const page = await browser.newPage();
      await page.goto(`${origin}/`);
      const seen = await page.evaluate(
        `(${String(follow)})(new EventSource('/events'))`.replaceAll('COUNT', `${COUNT}`),
      );
      assert.deepEqual(seen, expected);
    });
  });
});
