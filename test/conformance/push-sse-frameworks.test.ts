// sseHandler as it is used in Express, Fastify and Hono, with and without compression in front of it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createGunzip, createGzip, constants } from 'node:zlib';
import { serve, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler } from '../../src/push/sse/index.js';
import { listen, openStream } from '../support/push-sse.js';

/** Two events, each awaited before the next, and the end. */
async function followsWell(log: EventLog, url: string, headers: Record<string, string> = {}): Promise<void> {
  const zipped = 'Accept-Encoding' in headers;
  const client = await openStream(url, { headers, ...(zipped ? { decoder: createGunzip() } : {}) });
  assert.equal(client.response.headers['content-type'], 'text/event-stream');
  assert.equal(client.response.headers['content-encoding'], zipped ? 'gzip' : undefined);
  for (const n of [1, 2]) {
    log.publish('orders', `${n}`);
    await client.until(({ events }) => events.length === n);
  }
  log.close();
  await client.finished();
  assert.ok(client.response.complete);
  assert.deepEqual(client.data, ['1', '2']);
  assert.deepEqual(log.subscribers(), []);
}

/** What compression middlewares do: they take the place of write and end once the head is sent, and hold back till flush. */
function compressAll(_req: IncomingMessage, res: ServerResponse, next: () => void): void {
  const write = res.write.bind(res) as (bytes: Buffer) => boolean;
  const end = res.end.bind(res) as () => void;
  const gzip = createGzip();
  gzip.on('data', (bytes: Buffer) => write(bytes));
  gzip.on('end', () => end());
  const writeHead = res.writeHead.bind(res) as (status: number, headers: object) => ServerResponse;
  Object.assign(res, {
    writeHead: (status: number, headers: object) => {
      res.setHeader('Content-Encoding', 'gzip');
      return writeHead(status, headers);
    },
    write: (bytes: Buffer) => gzip.write(bytes),
    end: () => gzip.end(),
    flush: () => gzip.flush(constants.Z_SYNC_FLUSH),
  });
  next();
}

describe('in Express', () => {
  it('as a route, below a router', async () => {
    const log = new EventLog();
    const app = express();
    const router = express.Router();
    router.get('/:stream', sseHandler(log, { stream: ({ url }) => url?.slice(1) }));
    app.use('/events', router);
    await using server = await listen(app);
    await followsWell(log, `http://127.0.0.1:${server.port}/events/orders`);
  });

  it('as a middleware that is mounted', async () => {
    const log = new EventLog();
    const app = express();
    app.use('/events', sseHandler(log));
    await using server = await listen(app);
    await followsWell(log, `http://127.0.0.1:${server.port}/events?stream=orders`, { 'Accept-Encoding': 'gzip' });
  });

  it('behind a middleware that compresses: once, and without waiting', async () => {
    const log = new EventLog();
    const app = express();
    app.use(compressAll);
    app.get('/events', sseHandler(log));
    await using server = await listen(app);
    await followsWell(log, `http://127.0.0.1:${server.port}/events?stream=orders`, { 'Accept-Encoding': 'gzip' });
  });
});

describe('in Fastify', () => {
  it('on the raw response of a hijacked reply', async () => {
    const log = new EventLog();
    const events = sseHandler(log);
    const app = fastify();
    app.get('/events', (request, reply) => {
      reply.hijack();
      events(request.raw, reply.raw);
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    await followsWell(log, `http://127.0.0.1:${port}/events?stream=orders`);
    app.server.closeAllConnections();
    await app.close();
  });
});

describe('in Hono on Node', () => {
  it('on the outgoing response', async () => {
    const log = new EventLog();
    const events = sseHandler(log);
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.get('/events', ({ env }) => {
      events(env.incoming, env.outgoing);
      return RESPONSE_ALREADY_SENT;
    });
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await followsWell(log, `http://127.0.0.1:${port}/events?stream=orders`);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
});
