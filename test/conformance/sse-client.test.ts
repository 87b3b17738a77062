import assert from 'node:assert/strict';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  ConnectionLostError,
  EventSource,
  EventStreamRefusedError,
  type EventSourceErrorEvent,
  type EventSourceMessageEvent,
  type EventSourceOptions,
} from '../../src/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { answer, next, serve, utf8Header, type EventServer } from '../support/event-streams.js';

/** WHATWG HTML, 9.2.2 "The EventSource interface" and 9.2.3 "Processing model", by the numbers of the rules. */

const SOON: EventSourceOptions = { reconnectTime: 1, backoff: false };

/** Closes a source at the end of a block. */
function closing(source: EventSource): Disposable {
  return { [Symbol.dispose]: () => source.close() };
}

/** A server of which each request gets the next of these streams, the last one again and again. */
function streams(...texts: readonly string[]): Promise<EventServer> {
  let count = 0;
  return serve((_request, response) => {
    answer(response, texts[Math.min(count, texts.length - 1)] ?? '');
    count += 1;
  });
}

describe('C1: the request', () => {
  it('is a GET for text/event-stream past every cache', async () => {
    await using server = await streams('data\n\n');
    const source = new EventSource(server.url, { headers: { accept: 'text/html', 'cache-control': 'max-age=60' } });
    using _ = closing(source);
    await next(source, 'message');
    const [request] = server.requests;
    assert.equal(request?.method, 'GET');
    assert.equal(request?.headers.accept, 'text/event-stream');
    assert.equal(request?.headers['cache-control'], 'no-cache');
    assert.equal(request?.headers['last-event-id'], undefined);
  });
  it('has CORS mode, no-store, and credentials as asked for', async () => {
    const seen: RequestInit[] = [];
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      seen.push(init);
      return new Response(null, { status: 204 });
    };
    for (const withCredentials of [false, true]) {
      const source = new EventSource('http://localhost/', { fetch, withCredentials });
      assert.equal(source.withCredentials, withCredentials);
      await next(source, 'error');
    }
    assert.deepEqual(
      seen.map((init) => [init.mode, init.credentials, Reflect.get(init, 'cache'), init.redirect]),
      [
        ['cors', 'same-origin', 'no-store', 'follow'],
        ['cors', 'include', 'no-store', 'follow'],
      ],
    );
  });
  it('carries headers of the caller, asked for anew before each attempt', async () => {
    await using server = await streams('data\n\n');
    let token = 0;
    const source = new EventSource(server.url, {
      ...SOON,
      headers: async () => ({ authorization: `Bearer ${(token += 1)}` }),
    });
    using _ = closing(source);
    await next(source, 'message');
    await next(source, 'message');
    assert.deepEqual(
      server.requests.slice(0, 2).map(({ headers }) => headers.authorization),
      ['Bearer 1', 'Bearer 2'],
    );
  });
});

describe('C2: 200 and text/event-stream open it', () => {
  for (const type of [
    'text/event-stream',
    'text/event-stream;',
    'Text/Event-Stream; charset=windows-1252',
    'text/event-stream ;charset=utf-8',
  ]) {
    it(type, async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(200, { 'Content-Type': type });
        response.write('data: é\n\n');
      });
      const source = new EventSource(server.url);
      using _ = closing(source);
      assert.equal(source.readyState, EventSource.CONNECTING);
      await next(source, 'open');
      assert.equal(source.readyState, EventSource.OPEN);
      assert.equal((await next<EventSourceMessageEvent>(source, 'message')).data, 'é');
    });
  }
  it('opens when the head has come, before any event', async () => {
    await using server = await serve((_request, response) => answer(response, '', { open: true }));
    const source = new EventSource(server.url);
    using _ = closing(source);
    const event = await next(source, 'open');
    assert.deepEqual([event.type, event.bubbles, event.cancelable, 'data' in event], ['open', false, false, false]);
  });
});

describe('C3: anything else closes it for good', () => {
  async function refused(server: EventServer, statusCode: number): Promise<void> {
    const source = new EventSource(server.url, SOON);
    const errors: EventSourceErrorEvent[] = [];
    source.addEventListener('open', () => assert.fail('open'));
    source.addEventListener('error', (event) => errors.push(event));
    await next(source, 'error');
    assert.equal(source.readyState, EventSource.CLOSED);
    for (let i = 0; i < 5; i += 1) await turn();
    assert.equal(errors.length, 1);
    assert.equal(server.requests.length, 1);
    const error = errors[0]?.error;
    assert.ok(error instanceof EventStreamRefusedError);
    assert.equal(error.statusCode, statusCode);
    assert.deepEqual([errors[0]?.bubbles, errors[0]?.cancelable, 'data' in (errors[0] ?? {})], [false, false, false]);
  }
  const BODIES: readonly { readonly type: string; readonly body: string; readonly reason: string }[] = [
    {
      type: 'application/json',
      body: '{"error":"the cursor is malformed","code":"ERR"}',
      reason: 'the cursor is malformed',
    },
    {
      type: 'application/json; charset=utf-8',
      body: '{"kind":"Status","message":"no\\nsuch pod"}',
      reason: 'no such pod',
    },
    { type: 'text/plain', body: 'not\r\ntoday\0', reason: 'not today' },
    { type: 'text/plain', body: 'x'.repeat(5_000), reason: 'x'.repeat(200) },
    { type: 'application/json', body: '{"error":', reason: '' },
    { type: 'application/json', body: '{"error":{"a":1}}', reason: '' },
    { type: 'text/html', body: '<h1>404</h1>', reason: '' },
  ];
  for (const { type, body, reason } of BODIES) {
    it(`tells what the server said: ${type}, ${JSON.stringify(body.slice(0, 50))}`, async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(403, { 'Content-Type': type });
        response.end(body);
      });
      const source = new EventSource(server.url, SOON);
      const event = await next(source, 'error');
      assert.ok('error' in event && event.error instanceof EventStreamRefusedError);
      assert.deepEqual([event.error.statusCode, event.error.reason], [403, reason]);
      assert.ok(event.error.message.endsWith(reason === '' ? 'status 403' : JSON.stringify(reason)));
    });
  }
  it('does not wait for a refusal that never ends', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(403, { 'Content-Type': 'text/plain' });
      response.write('because');
    });
    const clock = new VirtualClock();
    const source = new EventSource(server.url, { ...SOON, clock });
    const error = next(source, 'error');
    while (clock.pending === 0) await turn();
    clock.advance(1_000);
    const event = await error;
    assert.ok('error' in event && event.error instanceof EventStreamRefusedError);
    assert.equal(source.readyState, EventSource.CLOSED);
  });
  for (const status of [204, 205, 201, 206, 210, 299, 304, 400, 401, 404, 410, 500, 503]) {
    it(`status ${status}`, async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(status, { 'Content-Type': 'text/event-stream' });
        response.end(status === 204 || status === 205 || status === 304 ? undefined : 'data: no\n\n');
      });
      await refused(server, status);
    });
  }
  for (const type of [
    undefined,
    '',
    'text/plain',
    'text/event-streamx',
    'text/x bogus',
    'application/text/event-stream',
    'x;text/event-stream',
  ]) {
    it(`Content-Type ${type}`, async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(200, type === undefined ? {} : { 'Content-Type': type });
        response.write('data: no\n\n');
      });
      await refused(server, 200);
    });
  }
  for (const url of ['ftp://127.0.0.1/', 'mailto:somebody@example.com', 'about:blank', 'file:///etc/hosts']) {
    it(url, async () => {
      const source = new EventSource(url, SOON);
      assert.equal(source.readyState, EventSource.CONNECTING);
      await next(source, 'error');
      assert.equal(source.readyState, EventSource.CLOSED);
    });
  }
});

describe('C4: a lost stream is asked for again', () => {
  it('after the end of the body: error while CONNECTING, then open', async () => {
    await using server = await streams('data: 1\n\n');
    const source = new EventSource(server.url, SOON);
    using _ = closing(source);
    const seen: string[] = [];
    for (const type of ['open', 'message', 'error'] as const) {
      source.addEventListener(type, () => seen.push(`${type} ${source.readyState}`));
    }
    await next(source, 'error');
    await next(source, 'message');
    assert.deepEqual(seen, ['open 1', 'message 1', 'error 0', 'open 1', 'message 1']);
  });
  it('after a cut in the middle of a block, which is dropped', async () => {
    let count = 0;
    await using server = await serve((_request, response) => {
      count += 1;
      answer(response, count === 1 ? 'id: 1\ndata: a\n\nid: 2\ndata: lost' : 'data: b\n\n', { open: true });
      if (count === 1) setImmediate(() => response.destroy());
    });
    const source = new EventSource(server.url, SOON);
    using _ = closing(source);
    const seen: string[] = [];
    source.addEventListener('message', ({ data, lastEventId }) => seen.push(`${lastEventId} ${data}`));
    const { error } = await next<EventSourceErrorEvent>(source, 'error');
    assert.ok(error instanceof ConnectionLostError);
    await next(source, 'message');
    assert.deepEqual(seen, ['1 a', '1 b']);
    assert.equal(server.requests[1]?.headers['last-event-id'], '1');
  });
  it('after a refused connection', async () => {
    const unused = createTcpServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const source = new EventSource(`http://127.0.0.1:${port}/`, SOON);
    using _ = closing(source);
    const { error } = await next<EventSourceErrorEvent>(source, 'error');
    assert.ok(error instanceof ConnectionLostError);
    assert.match(error.message, /ECONNREFUSED/);
    assert.equal(source.readyState, EventSource.CONNECTING);
    await next(source, 'error');
  });
  it('after the time that the server set', async () => {
    const clock = new VirtualClock();
    await using server = await streams('retry: 7000\ndata: 1\n\n', 'data: 2\n\n');
    const source = new EventSource(server.url, { clock });
    using _ = closing(source);
    await next(source, 'error');
    clock.advance(6_999);
    for (let i = 0; i < 5; i += 1) await turn();
    assert.equal(server.requests.length, 1);
    clock.advance(1);
    assert.equal((await next<EventSourceMessageEvent>(source, 'message')).data, '2');
  });
  it('waits longer while attempts keep failing', async () => {
    const clock = new VirtualClock();
    const attempts: number[] = [];
    const source = new EventSource('http://localhost/', {
      clock,
      reconnectTime: 100,
      backoff: { factor: 2, max: 1_000, jitter: 0 },
      fetch: async () => {
        attempts.push(clock.now());
        throw new TypeError('no network');
      },
    });
    using _ = closing(source);
    while (attempts.length < 7) {
      await turn();
      if (clock.pending > 0) clock.advance(10);
    }
    const waits = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
    assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000]);
  });
});

describe('C5: redirects', () => {
  for (const status of [301, 302, 303, 307, 308]) {
    it(`${status} is followed, and a reconnect starts from the first URL`, async () => {
      await using target = await streams('data: there\n\n');
      await using server = await serve((_request, response) => {
        response.writeHead(status, { Location: `${target.url}/there` }).end();
      });
      const source = new EventSource(`${server.url}/here`, SOON);
      using _ = closing(source);
      const event = await next<EventSourceMessageEvent>(source, 'message');
      assert.equal(event.data, 'there');
      assert.equal(event.origin, target.url, 'P10: the origin is that of the final URL');
      assert.equal(source.url, `${server.url}/here`);
      await next(source, 'message');
      assert.deepEqual(
        server.requests.slice(0, 2).map(({ url }) => url),
        ['/here', '/here'],
      );
    });
  }
  it('P10: events carry the origin and the last id', async () => {
    await using server = await streams('id: 7\nevent: x\ndata: 1\n\n');
    const source = new EventSource(`${server.url}/path?query`);
    using _ = closing(source);
    const event = await next<EventSourceMessageEvent>(source, 'x');
    assert.deepEqual([event.origin, event.lastEventId, event.data], [server.url, '7', '1']);
    assert.ok(event instanceof MessageEvent);
  });
  it('credentials do not follow to another origin', async () => {
    await using target = await streams('data: there\n\n');
    await using server = await serve((_request, response) => {
      response.writeHead(307, { Location: target.url }).end();
    });
    const source = new EventSource(server.url, { headers: { authorization: 'Bearer x' } });
    using _ = closing(source);
    await next(source, 'message');
    assert.equal(server.requests[0]?.headers.authorization, 'Bearer x');
    assert.equal(target.requests[0]?.headers.authorization, undefined);
  });
});

describe('C6: Last-Event-ID', () => {
  it('is the raw UTF-8 of the id', async () => {
    await using server = await streams('id: …\u{1F600}\ndata: 1\n\n');
    const source = new EventSource(server.url, SOON);
    using _ = closing(source);
    await next(source, 'message');
    await next(source, 'message');
    const [, again] = server.requests;
    assert.ok(again !== undefined);
    assert.equal(utf8Header(again, 'last-event-id'), '…\u{1F600}');
  });
  it('is not sent when empty', async () => {
    await using server = await streams('id: 1\ndata: 1\n\n', 'id\ndata: 2\n\n', 'data: 3\n\n');
    const source = new EventSource(server.url, SOON);
    using _ = closing(source);
    for (let i = 0; i < 3; i += 1) await next(source, 'message');
    assert.deepEqual(
      server.requests.slice(0, 3).map(({ headers }) => headers['last-event-id']),
      [undefined, '1', undefined],
    );
  });
  it('is what the caller resumes from', async () => {
    await using server = await streams('data: 1\n\n');
    const source = new EventSource(server.url, { lastEventId: 'ä', headers: { 'last-event-id': 'no' } });
    using _ = closing(source);
    assert.equal((await next<EventSourceMessageEvent>(source, 'message')).lastEventId, 'ä');
    const [request] = server.requests;
    assert.ok(request !== undefined);
    assert.equal(utf8Header(request, 'last-event-id'), 'ä');
  });
  it('an id that no header can carry fails the source instead of starting over', async () => {
    await using server = await streams('id: a\u0001b\ndata: 1\n\n');
    const source = new EventSource(server.url, SOON);
    await next(source, 'error');
    const { error } = await next<EventSourceErrorEvent>(source, 'error');
    assert.equal(error.code, 'ERR_INVALID_ARGUMENT');
    assert.equal(source.readyState, EventSource.CLOSED);
    assert.equal(server.requests.length, 1);
  });
});

describe('C7: close() and construction', () => {
  it('close() silences events of the same chunk', async () => {
    await using server = await serve((_request, response) =>
      answer(response, 'data: 1\n\ndata: 2\n\n', { open: true }),
    );
    const source = new EventSource(server.url);
    const seen: string[] = [];
    source.addEventListener('message', ({ data }) => {
      seen.push(data);
      source.close();
    });
    source.addEventListener('error', () => assert.fail('error'));
    await next(source, 'message');
    for (let i = 0; i < 5; i += 1) await turn();
    assert.deepEqual(seen, ['1']);
    assert.equal(source.readyState, EventSource.CLOSED);
  });
  it('close() ends the request', async () => {
    await using server = await serve((_request, response) => answer(response, '', { open: true }));
    const source = new EventSource(server.url);
    await next(source, 'open');
    const [request] = server.requests;
    source.close();
    assert.ok(request !== undefined);
    if (!request.socket.destroyed) await once(request.socket, 'close');
  });
  it('close() at once makes no request', async () => {
    const source = new EventSource('http://localhost/', { fetch: () => assert.fail('fetched') });
    source.addEventListener('error', () => assert.fail('error'));
    source.close();
    for (let i = 0; i < 5; i += 1) await turn();
    assert.equal(source.readyState, EventSource.CLOSED);
  });
  it('close() in the wait for the next attempt ends the wait', async () => {
    const clock = new VirtualClock();
    const source = new EventSource('http://localhost/', {
      clock,
      fetch: async () => {
        throw new TypeError('no network');
      },
    });
    await next(source, 'error');
    await turn();
    assert.equal(clock.pending, 1);
    source.close();
    assert.equal(clock.pending, 0);
  });
  it('an AbortSignal closes it', async () => {
    await using server = await serve((_request, response) => answer(response, '', { open: true }));
    const abort = new AbortController();
    const source = new EventSource(server.url, { signal: abort.signal });
    source.addEventListener('error', () => assert.fail('error'));
    await next(source, 'open');
    abort.abort();
    assert.equal(source.readyState, EventSource.CLOSED);
    const late = new EventSource(server.url, { signal: abort.signal });
    assert.equal(late.readyState, EventSource.CLOSED);
    for (let i = 0; i < 5; i += 1) await turn();
    assert.equal(server.requests.length, 1);
  });
  for (const url of ['http://this is invalid/', '/relative', '', 'http://']) {
    it(`${JSON.stringify(url)} is a SyntaxError at once`, () => {
      assert.throws(() => new EventSource(url), { name: 'SyntaxError', code: 12 });
    });
  }
  it('a relative URL is relative to baseURL', () => {
    const source = new EventSource('b?c', { baseURL: 'http://localhost/a/' });
    source.close();
    assert.equal(source.url, 'http://localhost/a/b?c');
  });
  for (const [name, options] of Object.entries<EventSourceOptions>({
    reconnectTime: { reconnectTime: -1 },
    idleTimeout: { idleTimeout: Number.NaN },
    headers: { headers: { 'bad name': 'x' } },
    limits: { limits: { maxLineBytes: 0 } },
    factor: { backoff: { factor: 0.5 } },
    jitter: { backoff: { jitter: 2 } },
    max: { backoff: { max: -1 } },
    spread: { backoff: { spread: -1 } },
  })) {
    it(`a bad ${name} is refused at once`, () => {
      assert.throws(() => new EventSource('http://localhost/', options), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
});

describe('what arrives', () => {
  it('gzip is unpacked as it comes', async () => {
    const { createGzip, constants } = await import('node:zlib');
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' });
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
      gzip.pipe(response);
      gzip.write('data: packed\n\n');
    });
    const source = new EventSource(server.url);
    using _ = closing(source);
    assert.equal((await next<EventSourceMessageEvent>(source, 'message')).data, 'packed');
  });
  it('raw chunks of one byte', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (const byte of Buffer.from('\uFEFFid:1\r\ndata: …\r\n\r\n')) {
          socket.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]));
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const source = new EventSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const event = await next<EventSourceMessageEvent>(source, 'message');
    assert.deepEqual([event.data, event.lastEventId], ['…', '1']);
    source.close();
    server.close();
    await once(server, 'close');
  });
  it('a line past the limit closes the source with its error', async () => {
    await using server = await streams(`data: ${'x'.repeat(100)}\n\n`);
    const source = new EventSource(server.url, { ...SOON, limits: { maxLineBytes: 50 } });
    const { error } = await next<EventSourceErrorEvent>(source, 'error');
    assert.equal(error.code, 'ERR_LIMIT_EXCEEDED');
    assert.equal(source.readyState, EventSource.CLOSED);
    assert.equal(server.requests.length, 1);
  });
});
