// sseHandler on HTTP/2 and TLS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createSecureServer, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2';
import { createServer as createHttpsServer, get as httpsGet } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createGunzip } from 'node:zlib';
import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler, type SSEHandler, type SSEHandlerOptions } from '../../src/push/sse/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { eventually, StreamClient, StreamReader } from '../support/push-sse.js';

const TLS = { cert: SERVER_CERT, key: SERVER_KEY };

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly reader: StreamReader;
  readonly close: () => void;
}

/** A server and one connection to it. */
class Http2Push implements AsyncDisposable {
  readonly log = new EventLog();
  readonly handler: SSEHandler;
  readonly server: Http2Server;
  session!: ClientHttp2Session;

  constructor(options: SSEHandlerOptions, secure: boolean) {
    this.handler = sseHandler(this.log, options);
    this.server = secure ? createSecureServer(TLS, this.handler) : createServer(this.handler);
  }

  static async start(options: SSEHandlerOptions = {}, secure = false): Promise<Http2Push> {
    const push = new Http2Push(options, secure);
    push.server.listen(0, '127.0.0.1');
    await once(push.server, 'listening');
    const { port } = push.server.address() as AddressInfo;
    push.session = connect(`${secure ? 'https' : 'http'}://127.0.0.1:${port}`, { ca: CA });
    await once(push.session, 'connect');
    return push;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const stream = this.session.request({ ':path': path, ...headers });
    const reader = new StreamReader();
    stream.on('error', () => reader.end());
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    const source = head['content-encoding'] === 'gzip' ? stream.pipe(createGunzip()) : stream;
    source.on('data', (bytes: Buffer) => reader.feed(bytes));
    source.on('end', () => reader.end());
    return { status: Number(head[':status']), headers: head, reader, close: () => stream.close() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.log.close();
    this.session.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

for (const secure of [false, true]) {
  describe(`HTTP/2 ${secure ? 'over TLS' : 'in clear text'}`, () => {
    it('follows many streams on one connection, plain and compressed, to their end', async () => {
      await using push = await Http2Push.start({ start: 'start' }, secure);
      push.log.publish('a', '1');
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => push.get('/?stream=a', i % 2 === 0 ? {} : { 'accept-encoding': 'gzip' })),
      );
      push.log.publish('a', '2');
      await Promise.all(answers.map(({ reader }) => reader.until(({ events }) => events.length === 2)));
      push.log.publish('a', '3');
      push.log.close();
      for (const [i, { status, headers, reader }] of answers.entries()) {
        await reader.finished();
        assert.equal(status, 200);
        assert.equal(headers['content-type'], 'text/event-stream');
        assert.equal(headers['content-encoding'], i % 2 === 0 ? undefined : 'gzip');
        assert.deepEqual(reader.data, ['1', '2', '3']);
      }
      await eventually(() => push.handler.clients === 0);
    });
  });
}

describe('on HTTP/2', () => {
  let push: Http2Push;
  before(async () => {
    push = await Http2Push.start({ cors: true });
  });
  after(async () => {
    await push[Symbol.asyncDispose]();
  });

  it('a client that resets its stream is let go, and the others go on', async () => {
    const [leaving, staying] = await Promise.all([push.get('/?stream=a'), push.get('/?stream=a')]);
    await eventually(() => push.log.subscribers().length === 2);
    leaving.close();
    await eventually(() => push.log.subscribers().length === 1);
    push.log.publish('a', '1');
    await staying.reader.until(({ events }) => events.length === 1);
    staying.close();
    await eventually(() => push.handler.clients === 0);
  });

  it('resumes by Last-Event-ID', async () => {
    push.log.publish('a', 'before');
    const cursor = push.log.cursor('a');
    push.log.publish('a', 'after');
    const { reader, close } = await push.get('/?stream=a', { 'last-event-id': cursor });
    await reader.until(({ events }) => events.length === 1);
    assert.deepEqual(reader.data, ['after']);
    close();
  });

  it('refuses in the same way', async () => {
    assert.equal((await push.get('/')).status, 400);
    assert.equal((await push.get('/?stream=a', { ':method': 'POST' })).status, 405);
    assert.equal((await push.get('/?stream=a', { accept: 'text/html' })).status, 406);
    const preflight = { ':method': 'OPTIONS', origin: 'https://a.example', 'access-control-request-method': 'GET' };
    assert.equal((await push.get('/?stream=a', preflight)).status, 204);
  });
});

describe('on HTTP/1.1 over TLS', () => {
  it('the stream is the same', async () => {
    const log = new EventLog();
    const handler = sseHandler(log);
    const server = createHttpsServer(TLS, handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = httpsGet({ host: '127.0.0.1', port, path: '/?stream=a', ca: CA, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const client = new StreamClient(response);
    await client.until(({ lastEventId }) => lastEventId !== '');
    for (let n = 1; n <= 3; n++) {
      log.publish('a', String(n));
      await client.until(({ events }) => events.length === n);
    }
    log.close();
    await client.finished();
    assert.ok(response.complete);
    assert.deepEqual(client.data, ['1', '2', '3']);
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
});
