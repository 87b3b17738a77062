// sseHandler over the wire: what a client is sent, from where on, and how it is refused.
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { parseStream } from '../support/event-streams.js';
import { closed, answerTo, ask, eventually, openStream, servePush, StreamReader } from '../support/push-sse.js';

describe('an event stream', () => {
  it('has the head that keeps caches, compressors and nginx from holding it back', async () => {
    await using push = await servePush();
    const { response } = await openStream(`${push.url}/?stream=a`);
    const { date, ...headers } = response.headers;
    assert.ok(date !== undefined);
    assert.deepEqual(headers, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      vary: 'Accept-Encoding',
      connection: 'close',
      'transfer-encoding': 'chunked',
    });
  });

  it('keeps headers that the application has set', async () => {
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      res.setHeader('Cache-Control', 'private, no-store');
      res.setHeader('X-Request-Id', '7');
      res.setHeader('Vary', 'Cookie');
      res.setHeader('Content-Length', '5');
      handler(req, res);
    });
    const { response } = await openStream(`${push.url}/?stream=a`);
    assert.equal(response.headers['cache-control'], 'private, no-store');
    assert.equal(response.headers['x-request-id'], '7');
    assert.equal(response.headers.vary, 'Cookie, Accept-Encoding');
    assert.equal(response.headers['content-length'], undefined);
    assert.equal(response.headers['content-type'], 'text/event-stream');
  });

  it('begins with the position, and the reconnection time if one is set', async () => {
    await using push = await servePush({ retry: 2_500 });
    const client = await openStream(`${push.url}/?stream=a`);
    assert.equal(client.text, `retry: 2500\nid: ${push.log.cursor('a')}\n\n`);
    assert.deepEqual(client.retries, [2_500]);
    assert.deepEqual(client.events, []);
  });

  it('brings events with their types, each with the cursor behind it', async () => {
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a`);
    push.log.publish('a', 'one\ntwo');
    push.log.publish('b', 'of another stream');
    push.log.publish('a', { price: 1 }, { type: 'price' });
    const cursors = [push.log.cursor('a')];
    await client.until(({ events }) => events.length === 2);
    assert.deepEqual(
      client.events.map(({ type, data }) => [type, data]),
      [
        ['message', 'one\ntwo'],
        ['price', '{"price":1}'],
      ],
    );
    assert.equal(client.events.at(-1)?.lastEventId, cursors[0]);
  });

  it('of several streams, and of a pattern where that is allowed', async () => {
    await using push = await servePush({ wildcards: true });
    const both = await openStream(`${push.url}/?stream=a&stream=b`);
    const pattern = await openStream(`${push.url}/?stream=${encodeURIComponent('a*')}`);
    for (const stream of ['a', 'b', 'aa', 'c']) push.log.publish(stream, stream);
    await both.until(({ events }) => events.length === 2);
    await pattern.until(({ events }) => events.length === 2);
    assert.deepEqual(both.data, ['a', 'b']);
    assert.deepEqual(pattern.data, ['a', 'aa']);
  });

  it('of the streams that the application says', async () => {
    await using fixed = await servePush({ stream: ['x', 'y*'] });
    const client = await openStream(`${fixed.url}/?stream=a`);
    for (const stream of ['a', 'x', 'yes']) fixed.log.publish(stream, stream);
    await client.until(({ events }) => events.length === 2);
    assert.deepEqual(client.data, ['x', 'yes']);

    await using routed = await servePush({ stream: (req) => /^\/streams\/(\w+)/.exec(req.url ?? '')?.[1] });
    const other = await openStream(`${routed.url}/streams/orders`);
    routed.log.publish('orders', '1');
    await other.until(({ events }) => events.length === 1);
    assert.equal((await answerTo(`${routed.url}/nothing`)).status, 400);
  });

  it('is what the encode hook makes of events; the id stays the cursor', async () => {
    const logged: unknown[] = [];
    const log = (fields: object): void => void logged.push(fields);
    const logger = { debug: log, info: log, warn: log, error: log };
    await using push = await servePush({
      logger,
      encode: ({ stream, data, index }) => {
        if (data === 'secret') return undefined;
        if (data === 'broken') return { event: 'a\nb', data };
        if (data === 'thrown') throw new Error('no');
        return Object.assign({ event: stream, data: `${index} ${data}`, comment: 'hello' }, { id: 'mine' });
      },
    });
    const client = await openStream(`${push.url}/?stream=a`);
    for (const data of ['secret', 'broken', 'thrown', 'public']) push.log.publish('a', data);
    await client.until(({ events }) => events.length === 1);
    assert.deepEqual(
      client.events.map(({ type, data, lastEventId }) => [type, data, lastEventId]),
      [['a', '4 public', push.log.cursor('a')]],
    );
    assert.doesNotMatch(client.text, /secret|broken|thrown|mine/);
    assert.deepEqual(client.comments, [' hello']);
    assert.equal(logged.length, 2);
  });

  it('is told to others only once it has been encoded for the first', async () => {
    let calls = 0;
    await using push = await servePush({
      encode: ({ data }) => {
        calls += 1;
        return { data };
      },
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => openStream(`${push.url}/?stream=a`)));
    push.log.publish('a', '1');
    await Promise.all(clients.map((client) => client.until(({ events }) => events.length === 1)));
    assert.equal(calls, 1);
  });
});

describe('where a client begins', () => {
  it('without a cursor: now, or at the oldest event that is retained', async () => {
    await using now = await servePush();
    now.log.publish('a', 'old');
    const fresh = await openStream(`${now.url}/?stream=a`);
    now.log.publish('a', 'new');
    await fresh.until(({ events }) => events.length === 1);
    assert.deepEqual(fresh.data, ['new']);

    await using start = await servePush({ start: 'start' });
    start.log.publish('a', 'old');
    const reader = await openStream(`${start.url}/?stream=a`);
    start.log.publish('a', 'new');
    await reader.until(({ events }) => events.length === 2);
    assert.deepEqual(reader.data, ['old', 'new']);
  });

  it('that received nothing but its position resumes from it', async () => {
    await using push = await servePush();
    const first = await openStream(`${push.url}/?stream=a`);
    first.leave();
    push.log.publish('a', 'missed');
    const again = await openStream(`${push.url}/?stream=a`, { headers: { 'Last-Event-ID': first.lastEventId } });
    await again.until(({ events }) => events.length === 1);
    assert.deepEqual(again.data, ['missed']);
  });

  for (const [how, resume] of Object.entries<(cursor: string) => { query: string; header?: string }>({
    'the header Last-Event-ID': (cursor) => ({ query: '', header: cursor }),
    'the parameter lastEventId': (cursor) => ({ query: `&lastEventId=${cursor}` }),
    'the parameter cursor': (cursor) => ({ query: `&cursor=${cursor}` }),
    'the header before the parameter, which a reconnecting browser does not renew': (cursor) => ({
      query: '&cursor=0',
      header: cursor,
    }),
    'the parameter behind an empty header': (cursor) => ({ query: `&cursor=${cursor}`, header: '' }),
  })) {
    it(`with ${how}: behind that`, async () => {
      await using push = await servePush();
      push.log.publish('a', '1');
      const cursor = push.log.cursor('a');
      push.log.publish('a', '2');
      const { query, header } = resume(cursor);
      const headers: Record<string, string> = header === undefined ? {} : { 'Last-Event-ID': header };
      const client = await openStream(`${push.url}/?stream=a${query}`, { headers });
      push.log.publish('a', '3');
      await client.until(({ events }) => events.length === 2);
      assert.deepEqual(client.data, ['2', '3']);
    });
  }

  it('is told of a gap where its history is gone, and resumes behind it', async () => {
    await using push = await servePush({}, { history: { events: 2 } });
    push.log.publish('a', '0');
    const cursor = push.log.cursor('a');
    for (let n = 1; n <= 5; n++) push.log.publish('a', String(n));
    const client = await openStream(`${push.url}/?stream=a&cursor=${cursor}`);
    await client.until(({ events }) => events.length === 3);
    const [gap, ...rest] = client.events;
    assert.equal(gap?.type, 'gap');
    assert.deepEqual(JSON.parse(gap?.data ?? ''), {
      reason: 'expired',
      streams: ['a'],
      missing: [{ origin: push.log.origin, after: 1, through: 4 }],
    });
    assert.deepEqual(
      rest.map(({ data }) => data),
      ['4', '5'],
    );
    const again = await openStream(`${push.url}/?stream=a&cursor=${gap?.lastEventId}`);
    await again.until(({ events }) => events.length === 2);
    assert.deepEqual(again.data, ['4', '5']);
  });

  it('is told of a gap after a restart', async () => {
    await using before = await servePush();
    before.log.publish('a', '1');
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a&cursor=${before.log.cursor('a')}`);
    await client.until(({ events }) => events.length === 1);
    assert.equal(client.events[0]?.type, 'gap');
    assert.equal((JSON.parse(client.data[0] ?? '') as { reason: string }).reason, 'unknown-origin');
  });
});

describe('refusals', () => {
  const cases: Readonly<Record<string, [path: string, settings: object, status: number, code: string]>> = {
    'no stream': ['/', {}, 400, 'ERR_BAD_REQUEST'],
    'an empty stream': ['/?stream=', {}, 400, 'ERR_BAD_REQUEST'],
    'a stream with a line break': ['/?stream=a%0Ab', {}, 400, 'ERR_BAD_REQUEST'],
    'a stream with too long a name': [`/?stream=${'a'.repeat(257)}`, {}, 400, 'ERR_BAD_REQUEST'],
    'too many streams': [
      `/?${Array.from({ length: 65 }, (_, i) => `stream=${i}`).join('&')}`,
      {},
      400,
      'ERR_BAD_REQUEST',
    ],
    'a pattern': ['/?stream=*', {}, 400, 'ERR_BAD_REQUEST'],
    'a malformed cursor': ['/?stream=a&cursor=%00', {}, 400, 'ERR_INVALID_CURSOR'],
    'a malformed Last-Event-ID': ['/?stream=a', { headers: { 'Last-Event-ID': '…' } }, 400, 'ERR_INVALID_CURSOR'],
    'a method': ['/?stream=a', { method: 'POST' }, 405, 'ERR_METHOD'],
    'a client that takes JSON only': [
      '/?stream=a',
      { headers: { Accept: 'application/json' } },
      406,
      'ERR_NOT_ACCEPTABLE',
    ],
  };
  for (const [what, [path, settings, status, code]] of Object.entries(cases)) {
    it(`of ${what}: ${status}, with JSON that says why`, async () => {
      await using push = await servePush();
      const wire = { ...settings } as { headers?: Record<string, string> };
      // Node takes header values as Latin-1.
      for (const [name, value] of Object.entries(wire.headers ?? {})) {
        wire.headers = { [name]: Buffer.from(value).toString('latin1') };
      }
      const answer = await answerTo(`${push.url}${path}`, wire);
      assert.equal(answer.status, status);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.headers['cache-control'], 'no-store');
      const body = JSON.parse(answer.body) as { error: unknown; code: unknown };
      assert.deepEqual(Object.keys(body), ['error', 'code']);
      assert.equal(body.code, code);
      assert.equal(typeof body.error, 'string');
      assert.deepEqual(push.log.subscribers(), []);
    });
  }

  it('say which methods there are', async () => {
    await using push = await servePush();
    const { headers } = await answerTo(`${push.url}/?stream=a`, { method: 'DELETE' });
    assert.equal(headers.allow, 'GET, HEAD');
  });

  it('of clients beyond the most that are served: 503, until one leaves', async () => {
    await using push = await servePush({ maxClients: 1 });
    const first = await openStream(`${push.url}/?stream=a`);
    const { status, headers, body } = await answerTo(`${push.url}/?stream=a`);
    assert.equal(status, 503);
    assert.equal(headers['retry-after'], '5');
    assert.match(body, /ERR_TOO_MANY_CLIENTS/);
    first.leave();
    await eventually(() => push.handler.clients === 0);
    await openStream(`${push.url}/?stream=a`);
  });

  it('are no refusals once the handler or the log is closed: a browser would close for good', async () => {
    for (const close of ['handler', 'log'] as const) {
      await using push = await servePush({ retry: 700 });
      push[close].close();
      const { status, headers, body } = await answerTo(`${push.url}/?stream=a`);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'text/event-stream');
      assert.equal(headers.connection, 'close');
      assert.equal(body, ': closing\nretry: 700\n\n');
    }
  });

  it('HEAD gets the head of a stream and follows nothing', async () => {
    await using push = await servePush();
    const { status, headers, body } = await answerTo(`${push.url}/?stream=a`, { method: 'HEAD' });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/event-stream');
    assert.equal(headers.vary, 'Accept-Encoding');
    assert.equal(body, '');
    assert.deepEqual(push.log.stats().ended, {});
    assert.equal((await answerTo(`${push.url}/`, { method: 'HEAD' })).status, 400);
  });
});

describe('the end', () => {
  it('of the log ends responses in order, and the connection serves on', async () => {
    await using push = await servePush({ compression: false });
    const socket = createConnection(push.port, '127.0.0.1');
    socket.setEncoding('latin1');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    socket.write('GET /?stream=a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(() => text.includes('\n\n'));
    push.log.publish('a', 'last');
    push.log.close();
    await eventually(() => text.endsWith('\r\n0\r\n\r\n'));
    assert.match(text, /data: last\n\n/);
    text = '';
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await closed(socket);
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.equal(push.handler.clients, 0);
  });

  it('of the handler leaves the log to others', async () => {
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a`);
    push.handler.close();
    await client.finished();
    assert.ok(client.response.complete);
    assert.equal(push.log.closed, false);
    assert.deepEqual(push.log.subscribers(), []);
  });

  it('of a client ends its following at once', async () => {
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a`);
    assert.equal(push.log.subscribers().length, 1);
    client.leave();
    await eventually(() => push.log.subscribers().length === 0);
    await eventually(() => push.handler.clients === 0);
  });
});

describe('keepalive', () => {
  it('is a comment for who was sent nothing for the time, and nothing for others', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock, keepAlive: 15_000 });
    const quiet = await openStream(`${push.url}/?stream=quiet`);
    const busy = await openStream(`${push.url}/?stream=busy`);
    for (let n = 1; n <= 3; n++) {
      clock.advance(10_000);
      push.log.publish('busy', String(n));
      await busy.until(({ events }) => events.length === n);
    }
    // 30 s: the silent client had one within each 15.
    await quiet.until(({ comments }) => comments.length === 2);
    assert.deepEqual(busy.comments, []);
    clock.advance(15_000);
    await busy.until(({ comments }) => comments.length === 1);
    await quiet.until(({ comments }) => comments.length === 3);
    assert.deepEqual(quiet.events, []);
  });

  it('takes no timer without clients, and one for all of them', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock });
    assert.equal(clock.pending, 0);
    const clients = await Promise.all(Array.from({ length: 5 }, () => openStream(`${push.url}/?stream=a`)));
    assert.equal(clock.pending, 1);
    for (const client of clients) client.leave();
    await eventually(() => push.handler.clients === 0);
    assert.equal(clock.pending, 0);
  });

  it('can be switched off', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock, keepAlive: 0, writeTimeout: 0 });
    const client = await openStream(`${push.url}/?stream=a`);
    assert.equal(clock.pending, 0);
    clock.advance(1_000_000);
    push.log.publish('a', '1');
    await client.until(({ events }) => events.length === 1);
    assert.deepEqual(client.comments, []);
  });
});

describe('on the wire', () => {
  /** What comes back for this text until the server closes the connection. */
  async function exchange(port: number, request: string, done: (text: string) => boolean): Promise<string> {
    const socket = createConnection(port, '127.0.0.1');
    socket.setEncoding('latin1');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (done(text)) socket.destroy();
    });
    socket.write(request);
    await closed(socket);
    return text;
  }

  it('HTTP/1.0 gets the stream without chunks, up to the end of the connection', async () => {
    await using push = await servePush({ start: 'start' });
    push.log.publish('a', '1');
    const request = exchange(push.port, 'GET /?stream=a HTTP/1.0\r\nHost: localhost\r\n\r\n', () => false);
    await eventually(() => push.log.subscribers()[0]?.delivered === 1);
    push.log.publish('a', '2');
    push.log.close();
    const [head = '', body = ''] = (await request).split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK/);
    assert.doesNotMatch(head, /transfer-encoding|content-length/i);
    assert.deepEqual(
      parseStream(body).events.map(({ data }) => data),
      ['1', '2'],
    );
  });

  it('pipelined requests are answered in turn, and nothing overtakes', async () => {
    await using push = await servePush({ start: 'start', compression: false }, {}, (handler) => (req, res) => {
      if (req.url === '/slow') setImmediate(() => setImmediate(() => res.end('slow')));
      else handler(req, res);
    });
    push.log.publish('a', '1');
    const text = await exchange(
      push.port,
      'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\nGET /?stream=a HTTP/1.1\r\nHost: localhost\r\n\r\n',
      (soFar) => soFar.includes('data: 1'),
    );
    assert.match(
      text,
      /^HTTP\/1\.1 200 OK[^]*slowHTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream[^]*\nid: \S+\ndata: 1\n\n/,
    );
  });

  it('a client that sends a body is still seen to leave', async () => {
    await using push = await servePush();
    const socket = createConnection(push.port, '127.0.0.1');
    socket.write('GET /?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n');
    socket.write(Buffer.alloc(500_000));
    await eventually(() => push.log.subscribers().length === 1);
    socket.destroy();
    await eventually(() => push.log.subscribers().length === 0);
  });

  it('a middleware that replaces write sees every byte, uncompressed, and is told to flush', async () => {
    const seen = new StreamReader();
    let flushed = 0;
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
      Object.assign(res, {
        write: (chunk: Uint8Array) => {
          seen.feed(chunk);
          return write(chunk);
        },
        flush: () => (flushed += 1),
      });
      handler(req, res);
    });
    const client = await openStream(`${push.url}/?stream=a`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(client.response.headers['content-encoding'], undefined);
    push.log.publish('a', '1');
    await client.until(({ events }) => events.length === 1);
    assert.deepEqual(seen.data, ['1']);
    assert.ok(flushed >= 2);
  });

  it('a coding that somebody else has set is left alone', async () => {
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      res.setHeader('Content-Encoding', 'identity');
      handler(req, res);
    });
    const client = await openStream(`${push.url}/?stream=a`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(client.response.headers['content-encoding'], 'identity');
    assert.match(client.text, /^id: /);
  });

  it('a middleware that throws when the head is written: 500, and nothing is followed', async () => {
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      const writeHead = res.writeHead.bind(res);
      let calls = 0;
      Object.assign(res, {
        writeHead: (status: number, headers: object) => {
          calls += 1;
          if (calls === 1) throw new Error('out of order');
          return writeHead(status, headers as Record<string, string>);
        },
      });
      handler(req, res);
    });
    assert.equal((await answerTo(`${push.url}/?stream=a`)).status, 500);
    assert.deepEqual(push.log.stats().ended, { sse: { left: 1 } });
    await eventually(() => push.handler.clients === 0);
  });

  it('an error of the response is nothing that has to be handled', async () => {
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      handler(req, res);
      res.emit('error', new Error('reset'));
    });
    const client = await openStream(`${push.url}/?stream=a`);
    push.log.publish('a', '1');
    await client.until(({ events }) => events.length === 1);
  });

  it('history beyond what a socket takes at once arrives whole', async () => {
    await using push = await servePush({ start: 'start' });
    const count = 900;
    for (let n = 1; n <= count; n++) push.log.publish('a', `${n} ${'x'.repeat(3_000)}`);
    const response = await ask(`${push.url}/?stream=a`);
    const reader = new StreamReader();
    for await (const chunk of response) {
      reader.feed(chunk as Buffer);
      if (reader.events.length === count) break;
    }
    assert.deepEqual(
      reader.events.map(({ data }) => Number.parseInt(data, 10)),
      Array.from({ length: count }, (_, i) => i + 1),
    );
  });
});
