import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type RequestOptions, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { InvalidArgumentError, LimitExceededError, TimeoutError } from '../../../../src/errors/index.js';
import { isForPeerEndpoint, peerEndpoint, type DeliveringLog } from '../../../../src/mesh/sser/peer-endpoint.js';
import { LogClosedError } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/index.js';
import { listen } from '../../../support/push-sse.js';

class RecordingLog implements DeliveringLog {
  readonly clock = new VirtualClock();
  readonly settings = { limits: { maxEventBytes: 1_000 } };
  readonly delivered: [stream: string, data: string][] = [];
  error: Error | undefined;

  deliver(stream: string, data: string): void {
    if (this.error !== undefined) throw this.error;
    this.delivered.push([stream, data]);
  }
}

async function serve(log = new RecordingLog()): Promise<
  AsyncDisposable & {
    readonly log: RecordingLog;
    readonly port: number;
    readonly server: Server;
    readonly endpoint: ReturnType<typeof peerEndpoint>;
    ask(
      body: string | Buffer,
      options?: RequestOptions,
    ): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }>;
  }
> {
  const endpoint = peerEndpoint(log);
  const listening = await listen(endpoint);
  return {
    log,
    endpoint,
    port: listening.port,
    server: listening.server,
    async ask(body, options = {}) {
      const req = request({ port: listening.port, path: '/api/json/v1/send', method: 'POST', ...options });
      req.end(body);
      const [res] = (await once(req, 'response')) as [
        Parameters<typeof text>[0] & { statusCode: number; headers: IncomingHttpHeaders },
      ];
      return { status: res.statusCode, body: await text(res), headers: res.headers };
    },
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]();
    },
  };
}

const EVENT = '{"stream":"foo","msg":"update"}';

describe('the peer endpoint', () => {
  it('hands an event to those who follow, and answers an empty 200', async () => {
    await using server = await serve();
    const { status, body, headers } = await server.ask(EVENT);
    assert.deepEqual([status, body, headers['content-length']], [200, '', '0']);
    assert.deepEqual(server.log.delivered, [['foo', 'update']]);
    assert.deepEqual([server.endpoint.received, server.endpoint.refused], [1, 0]);
  });

  it('does not mind the type of the content', async () => {
    await using server = await serve();
    const { status } = await server.ask(EVENT, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    assert.equal(status, 200);
  });

  it('answers 400 for what is no event', async () => {
    await using server = await serve();
    assert.deepEqual(await server.ask('{"stream":').then(({ status, body }) => [status, body]), [
      400,
      'invalid JSON\n',
    ]);
    assert.deepEqual(await server.ask('').then(({ status, body }) => [status, body]), [400, 'invalid JSON\n']);
    const empty = await server.ask('{"stream":"foo","msg":""}');
    assert.deepEqual([empty.status, empty.body], [400, 'you cannot send the empty string as a message over SSE\n']);
    assert.equal(server.endpoint.refused, 3);
    assert.deepEqual(server.log.delivered, []);
  });

  it('warns, now and then, of events that the original has lost', async () => {
    const warnings: string[] = [];
    const ignore = (): void => {};
    const warn = (_fields: object, message: string): void => void warnings.push(message);
    const log = new RecordingLog();
    const endpoint = peerEndpoint(log, { logger: { debug: ignore, info: ignore, warn, error: warn } });
    await using listening = await listen(endpoint);
    const ask = async (body: string): Promise<unknown> =>
      await fetch(`http://127.0.0.1:${listening.port}/api/json/v1/send`, { method: 'POST', body });
    await ask('nonsense');
    assert.deepEqual(warnings, []);
    for (let n = 0; n < 5; n += 1) await ask('');
    assert.equal(warnings.length, 1);
    log.clock.advance(10_000);
    await ask('');
    assert.equal(warnings.length, 2);
  });

  it('answers as the log refuses an event', async () => {
    await using server = await serve();
    for (const [error, expected] of [
      [new InvalidArgumentError('the name of a stream must not contain *'), 400],
      [new LimitExceededError('maxEventBytes', 'too large'), 413],
      [new LimitExceededError('maxStreams', 'too many'), 503],
      [new LogClosedError('the log was closed'), 503],
      [new TimeoutError('odd', 1), 500],
    ] as const) {
      server.log.error = error;
      const { status, body } = await server.ask(EVENT);
      assert.equal(status, expected);
      if (expected === 500) assert.equal(body, 'internal error\n');
    }
  });

  it('takes POST only', async () => {
    await using server = await serve();
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await server.ask(EVENT, { method });
      assert.deepEqual([status, headers.allow], [405, 'POST'], method);
    }
    assert.deepEqual(server.log.delivered, []);
  });

  it('is not for pages, whatever they are allowed to send unasked', async () => {
    await using server = await serve();
    for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const { status } = await server.ask(EVENT, { headers: { ...headers, 'Content-Type': 'text/plain' } });
      assert.equal(status, 403);
    }
    assert.deepEqual(server.log.delivered, []);
  });

  it('takes nothing of a pod that has links', async () => {
    await using server = await serve();
    const { status } = await server.ask(EVENT, { headers: { 'Trunkline-Origin': 'abcdefgh' } });
    assert.equal(status, 426);
    assert.deepEqual(server.log.delivered, []);
  });

  it('reads a body only as far as an event may go', async () => {
    await using server = await serve();
    const told = await server.ask('x', { headers: { 'Content-Length': 1_000_000 } });
    assert.equal(told.status, 413);
    const untold = request({ port: server.port, path: '/api/json/v1/send', method: 'POST' });
    untold.on('error', () => {});
    untold.write(Buffer.alloc(60_000, 0x20));
    const [res] = (await once(untold, 'response')) as [{ statusCode: number; resume(): void }];
    assert.equal(res.statusCode, 413);
    untold.destroy();
  });

  it('takes every byte of the largest event escaped', async () => {
    await using server = await serve();
    const msg = '\u0007'.repeat(1_000);
    const { status } = await server.ask(JSON.stringify({ stream: 'foo', msg }));
    assert.equal(status, 200);
    assert.deepEqual(server.log.delivered, [['foo', msg]]);
  });

  it('waits for a body for so long only', async () => {
    await using server = await serve();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /api/json/v1/send HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{"str');
    while (server.log.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    server.log.clock.advance(10_000);
    assert.match(await text(socket), /^HTTP\/1\.1 408 [^]*Connection: close/);
  });

  it('keeps nothing of those who go away in the middle', async () => {
    await using server = await serve();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /api/json/v1/send HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{"str');
    while (server.log.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (server.log.clock.pending !== 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([server.endpoint.received, server.endpoint.refused], [0, 0]);
  });

  it('serves one request after another on a connection', async () => {
    await using server = await serve();
    const socket = connect(server.port, '127.0.0.1');
    const post = `POST /api/json/v1/send HTTP/1.1\r\nHost: a\r\nContent-Length: ${EVENT.length}\r\n\r\n${EVENT}`;
    socket.end(post + post + post);
    assert.equal((await text(socket)).match(/HTTP\/1\.1 200 /g)?.length, 3);
    assert.equal(server.log.delivered.length, 3);
  });

  it('keeps the connection of a peer when it is long idle, and no other', async () => {
    await using server = await serve();
    server.server.keepAliveTimeout = 20;
    const ends: string[] = [];
    const open = async (body: string): Promise<Socket> => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('end', () => ends.push(body)).on('error', () => {});
      socket.write(`POST /api/json/v1/send HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await once(socket, 'data');
      return socket;
    };
    const peer = await open(EVENT);
    const other = await open('nothing');
    // Node waits a second more than it says.
    await once(other, 'close');
    peer.write(`POST /api/json/v1/send HTTP/1.1\r\nHost: a\r\nContent-Length: ${EVENT.length}\r\n\r\n${EVENT}`);
    const [answer] = (await once(peer, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
    assert.deepEqual(ends, ['nothing']);
    peer.destroy();
  });

  it('is known by its path', () => {
    const isFor = (url: string): boolean => isForPeerEndpoint({ url } as Parameters<typeof isForPeerEndpoint>[0]);
    assert.deepEqual(
      ['/api/json/v1/send', '/api/json/v1/send?x=1', '/api/json/v1/send/', '/api/json/v1/sender', '/'].map(isFor),
      [true, true, false, false, false],
    );
  });

  it('knows its options', () => {
    assert.throws(() => peerEndpoint(new RecordingLog(), { bodyTimeOut: 1 } as object), InvalidArgumentError);
    assert.throws(() => peerEndpoint(new RecordingLog(), { bodyTimeout: -1 }), InvalidArgumentError);
  });
});
