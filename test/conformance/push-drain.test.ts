import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { EventLog, longPollHandler, sseHandler, watchHandler, webSocketHandler } from '../../src/push/index.js';
import { systemClock } from '../../src/clock/clock.js';
import { grpcWatchService } from '../../src/push/grpc/index.js';
import { listenGrpc } from '../../src/push/grpc/server.js';
import { WatchClient } from '../support/grpc-watch.js';
import { answerTo, listen, openStream, eventually } from '../support/push-sse.js';

// Handlers let go of their clients while the server goes away: in order, over a time, and with a word on when to come back.

describe('drain of event streams', () => {
  it('ends each behind a retry of its own, and sends later ones away in order', async () => {
    const log = new EventLog();
    const handler = sseHandler(log, { retry: 3_000 });
    await using server = await listen(handler);
    const url = `http://127.0.0.1:${server.port}/?stream=a`;
    const clients = await Promise.all([openStream(url), openStream(url), openStream(url)]);
    log.publish('a', 'last');
    await Promise.all(clients.map((client) => client.until(({ data }) => data.includes('last'))));
    let fraction = 0;
    await handler.drain({ over: 60, retry: 1_000, random: () => (fraction = (fraction + 0.37) % 1) });
    await Promise.all(clients.map((client) => client.finished()));
    for (const client of clients) {
      assert.deepEqual(client.retries.slice(0, 1), [3_000]);
      const [, told = 0] = client.retries;
      assert.ok(told >= 1_000 && told < 2_000, `${told}`);
    }
    assert.equal(new Set(clients.map(({ retries }) => retries[1])).size, 3);
    const later = await answerTo(url);
    assert.equal(later.status, 200);
    assert.equal(later.headers['content-type'], 'text/event-stream');
    assert.equal(later.headers.connection, 'close');
    assert.match(later.body, /retry: 3000/);
    assert.deepEqual(log.stats().ended, { sse: { closed: 3 } });
  });

  it('tells no retry unless it is asked to', async () => {
    const log = new EventLog();
    const handler = sseHandler(log);
    await using server = await listen(handler);
    const client = await openStream(`http://127.0.0.1:${server.port}/?stream=a`);
    await handler.drain();
    await client.finished();
    assert.deepEqual(client.retries, []);
  });

  it('rejects options that cannot be, and goes on', async () => {
    const handler = sseHandler(new EventLog());
    await assert.rejects(handler.drain({ over: -1 }), { code: 'ERR_INVALID_ARGUMENT' });
    await using server = await listen(handler);
    const client = await openStream(`http://127.0.0.1:${server.port}/?stream=a`);
    assert.equal(client.ended, false);
    client.leave();
  });
});

describe('drain of the other transports', () => {
  it('answers long polls with an empty body, and later ones with 503', async () => {
    const log = new EventLog();
    const handler = longPollHandler(log);
    await using server = await listen(handler);
    const url = `http://127.0.0.1:${server.port}/v2/keys/a?wait=true`;
    const waiting = answerTo(url);
    const streamed = answerTo(`${url}&stream=true`);
    await eventually(() => handler.clients === 2);
    await handler.drain({ over: 20 });
    const answer = await waiting;
    assert.deepEqual([answer.status, answer.body], [200, '']);
    assert.equal((await streamed).body, '');
    assert.equal((await answerTo(url)).status, 503);
  });

  it('ends watches behind a bookmark, and answers later ones with 503', async () => {
    const log = new EventLog();
    const handler = watchHandler(log);
    await using server = await listen(handler);
    const url = `http://127.0.0.1:${server.port}/?watch=true&allowWatchBookmarks=true&stream=a`;
    const watching = answerTo(url);
    await eventually(() => handler.clients === 1);
    await handler.drain({ over: 20 });
    const { body } = await watching;
    const last = JSON.parse(body.trim().split('\n').at(-1) ?? '') as { type: string };
    assert.equal(last.type, 'BOOKMARK');
    assert.equal((await answerTo(url)).status, 503);
  });

  it('closes WebSockets with 1001, and refuses later ones with 503', async () => {
    const log = new EventLog();
    const handler = webSocketHandler(log);
    const server = createServer().on('upgrade', handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?stream=a`;
    const socket = new WebSocket(url);
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await handler.drain({ over: 20 });
    assert.equal((await closed)[0], 1001);
    const refused = new WebSocket(url);
    const [error] = (await once(refused, 'error')) as [Error];
    assert.match(error.message, /503/);
    server.close();
  });

  it('ends gRPC calls with UNAVAILABLE, later ones too', async () => {
    const log = new EventLog();
    const service = grpcWatchService(log);
    const server = await listenGrpc(service, { host: '127.0.0.1', port: 0, clock: systemClock });
    using client = new WatchClient(`127.0.0.1:${server.port}`);
    const calls = [client.watch(), client.watch()];
    for (const call of calls) call.create({ streams: ['a'] });
    await eventually(() => log.subscribers().length === 2);
    assert.equal(service.calls, 2);
    await service.drain({ over: 20 });
    for (const call of calls) assert.equal((await call.ended)?.code, 14);
    assert.equal(service.calls, 0);
    assert.equal((await client.watch().ended)?.code, 14);
    await server.close(1_000);
  });
});
