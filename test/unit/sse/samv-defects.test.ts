import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  CLOSED,
  CONNECTING,
  encodeEvent,
  OPEN,
  SSEClient,
  WANT_ERRORS,
  WANT_MESSAGES,
  WANT_OPEN_CLOSE,
  type SSEEvent,
} from '../../../src/sse/index.js';
import { answer, parseStream, serve } from '../../support/event-streams.js';

/** What samv/sse (3637f8f) does that it should not: read in its source, each a test of ours. */

async function first<T>(iterable: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of iterable) return item;
  return undefined;
}

/** Sends events as fast as they are taken. */
function flood(_request: IncomingMessage, response: ServerResponse): void {
  const block = Buffer.from(encodeEvent({ data: 'x'.repeat(1_000) }).repeat(1_000));
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const write = (): void => {
    while (!response.destroyed && response.write(block));
  };
  response.on('drain', write);
  write();
}

describe('defects of the original, client', () => {
  it('a wanted kind that nobody reads stalled the client', async () => {
    let count = 0;
    await using server = await serve((_request, response) => answer(response, `data: ${(count += 1)}\n\n`));
    const client = new SSEClient({
      want: WANT_ERRORS | WANT_OPEN_CLOSE | WANT_MESSAGES,
      reconnectTime: 0,
      backoff: false,
    });
    client.getStream(server.url);
    const seen: string[] = [];
    for await (const { data } of client.messages) if (seen.push(data) === 40) break;
    client.close();
    assert.equal(seen.at(-1), '40');
  });
  it('unread messages hold up the stream, not close()', async () => {
    await using server = await serve(flood);
    const client = new SSEClient({ maxUnread: 1 });
    client.getStream(server.url);
    assert.equal((await first(client.messages))?.data.length, 1_000);
    // The server cannot write on, so that its socket keeps bytes.
    const socket = server.requests[0]?.socket;
    assert.ok(socket !== undefined);
    for (let last = -1; last !== socket.bytesWritten || socket.writableLength === 0;) {
      last = socket.bytesWritten;
      for (let i = 0; i < 20; i += 1) await turn();
    }
    client.close();
    let unread = 0;
    for await (const _ of client.messages) unread += 1;
    assert.ok(unread < 5_000, String(unread));
  });
  it('there was no getter of the state', async () => {
    await using server = await serve((_request, response) => answer(response, '', { open: true }));
    const client = new SSEClient();
    assert.equal(client.readyState, CONNECTING);
    const opens = first(client.opens);
    client.getStream(server.url);
    assert.equal(client.readyState, CONNECTING);
    assert.equal(await opens, true);
    assert.equal(client.readyState, OPEN);
    client.close();
    assert.equal(client.readyState, CLOSED);
  });
  it('any type that contained text/event-stream was taken', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'x-text/event-streams' }).end('data: 1\n\n');
    });
    const client = new SSEClient();
    const errors = first(client.errors);
    client.getStream(server.url);
    assert.match((await errors)?.message ?? '', /x-text\/event-streams/);
  });
  for (const status of [204, 205]) {
    it(`${status} was a success, and asked for again`, async () => {
      await using server = await serve((_request, response) => {
        response.writeHead(status, { 'Content-Type': 'text/event-stream' }).end();
      });
      const client = new SSEClient({ reconnectTime: 0 });
      const errors = first(client.errors);
      client.getStream(server.url);
      assert.match((await errors)?.message ?? '', new RegExp(String(status)));
      assert.equal(client.readyState, CLOSED);
      assert.equal(server.requests.length, 1);
    });
  }
  it('retry was parsed and never applied', async () => {
    await using server = await serve((_request, response) => answer(response, 'retry: 0\ndata: 1\n\n'));
    // With its own time the second event would be an hour away.
    const client = new SSEClient({ reconnectTime: 3_600_000 });
    assert.equal(client.reconnectTime, 3_600_000);
    client.getStream(server.url);
    await first(client.messages);
    assert.equal(client.reconnectTime, 0);
    await first(client.messages);
    client.close();
  });
  it('Last-Event-ID was never sent, and the id forgotten with each connection', async () => {
    let count = 0;
    await using server = await serve((_request, response) =>
      answer(response, (count += 1) === 1 ? 'id: 7\ndata: 1\n\n' : 'data: 2\n\n'),
    );
    const client = new SSEClient({ reconnectTime: 0 });
    client.getStream(server.url);
    await first(client.messages);
    assert.equal((await first(client.messages))?.lastEventId, '7');
    assert.equal(server.requests[1]?.headers['last-event-id'], '7');
    client.close();
  });
  it('a failed attempt after the stream had opened closed the client for good', async () => {
    let count = 0;
    await using server = await serve((request, response) => {
      count += 1;
      if (count === 2) request.socket.destroy();
      else answer(response, `data: ${count}\n\n`);
    });
    const client = new SSEClient({ reconnectTime: 0 });
    client.getStream(server.url);
    await first(client.messages);
    assert.equal((await first(client.messages))?.data, '3');
    client.close();
  });
  it('Reopen could not work', async () => {
    let count = 0;
    await using server = await serve((_request, response) => {
      count += 1;
      if (count === 2) response.writeHead(503).end();
      else answer(response, `id: ${count}\ndata: ${count}\n\n`);
    });
    const client = new SSEClient({ reconnectTime: 0 });
    client.getStream(server.url);
    assert.equal((await first(client.messages))?.data, '1');
    assert.match((await first(client.errors))?.message ?? '', /503/);
    assert.equal(client.readyState, CLOSED);
    client.reopen();
    assert.equal(client.readyState, CONNECTING);
    assert.equal((await first(client.messages))?.data, '3');
    assert.equal(server.requests[2]?.headers['last-event-id'], '1');
    client.close();
    client.reopen();
    const again = await first(client.messages);
    assert.notEqual(again, undefined);
    client.close();
  });
  it('reopen() of a client that is not closed, or never had a stream, does nothing', async () => {
    const client = new SSEClient();
    client.reopen();
    assert.equal(String(client.url), 'undefined');
    await using server = await serve((_request, response) => answer(response, 'data: 1\n\n', { open: true }));
    client.getStream(server.url);
    client.reopen();
    assert.equal((await first(client.messages))?.data, '1');
    assert.equal(server.requests.length, 1);
    assert.equal(client.url?.href, `${server.url}/`);
    assert.throws(() => client.getStream(server.url), { code: 'ERR_INVALID_ARGUMENT' });
    client.close();
  });
  it('SetContext was overwritten at connect: a signal holds for every attempt', async () => {
    const abort = new AbortController();
    await using server = await serve((_request, response) => answer(response, 'data: 1\n\n'));
    const client = new SSEClient({ reconnectTime: 0, signal: abort.signal });
    client.getStream(server.url);
    const seen: SSEEvent[] = [];
    for await (const event of client.messages) if (seen.push(event) === 3) abort.abort();
    assert.equal(client.readyState, CLOSED);
    client.reopen();
    assert.equal(client.readyState, CLOSED);
    for await (const _ of client.messages) assert.fail('a message after the signal');
  });
  it('named events were dropped', async () => {
    await using server = await serve((_request, response) =>
      answer(response, 'event: a\ndata: 1\n\nevent: b\ndata: 2\n\ndata: 3\n\n', { open: true }),
    );
    const client = new SSEClient();
    const named = client.events('b', 'c');
    const all = client.events();
    client.getStream(server.url);
    assert.equal((await first(client.messages))?.data, '3');
    client.close();
    const collect = async (events: AsyncIterable<SSEEvent>): Promise<string[]> => {
      const found: string[] = [];
      for await (const { type, data } of events) found.push(`${type} ${data}`);
      return found;
    };
    assert.deepEqual(await collect(named), ['b 2']);
    assert.deepEqual(await collect(all), ['a 1', 'b 2', 'message 3']);
  });
  it('messages that are kept by default do not hold up who reads events()', async () => {
    await using server = await serve(flood);
    const client = new SSEClient({ maxUnread: 5 });
    client.getStream(server.url);
    for await (const _ of client.opens) break;
    for (let i = 0; i < 20; i += 1) await turn();
    const data: string[] = [];
    for await (const event of client.events()) if (data.push(event.data) === 5_000) break;
    client.close();
    assert.equal(data.length, 5_000);
  });
  it('kinds that are not wanted are not kept', async () => {
    let count = 0;
    await using server = await serve((_request, response) => answer(response, `data: ${(count += 1)}\n\n`.repeat(50)));
    const client = new SSEClient({ want: WANT_OPEN_CLOSE, maxUnread: 1, reconnectTime: 0 });
    client.getStream(server.url);
    const seen: boolean[] = [];
    for await (const open of client.opens) if (seen.push(open) === 4) break;
    client.close();
    assert.deepEqual(seen, [true, false, true, false]);
    for await (const _ of client.messages) assert.fail('a message that was not wanted');
  });
  for (const [name, options] of Object.entries({
    want: { want: 8 },
    maxUnread: { maxUnread: 0 },
    reconnectTime: { reconnectTime: -1 },
  })) {
    it(`a bad ${name} is refused`, () => {
      assert.throws(() => new SSEClient(options), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
  it('a bad URL is refused', () => {
    assert.throws(() => new SSEClient().getStream('nowhere'), { code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('defects of the original, parser', () => {
  it('an unterminated last block was dispatched', () => assert.deepEqual(parseStream('data: 1\n').events, []));
  it('bare data was ignored', () => assert.equal(parseStream('data\n\n').events.length, 1));
  it('ids with NUL were taken', () => assert.equal(parseStream('id: a\0\ndata\n\n').events[0]?.lastEventId, ''));
  it('+5 was taken for a time', () => assert.deepEqual(parseStream('retry: +5\n').retries, []));
  it('a line of 64 KiB was too long', () => {
    assert.equal(parseStream(`data:${'x'.repeat(200_000)}\n\n`).events[0]?.data.length, 200_000);
  });
  it('the text of a comment was read as a field: ":id" cleared the id', () => {
    assert.deepEqual(parseStream('id:1\n:id\n: data: x\n:event\ndata:a\n\n').events, [
      { type: 'message', data: 'a', lastEventId: '1' },
    ]);
  });
});

describe('defects of the original, sink', () => {
  it('text behind a lone CR was cut', () => {
    assert.equal(parseStream(encodeEvent({ data: 'a\rb' })).events[0]?.data, 'a\nb');
  });
  it('empty data was no event', () => {
    assert.equal(parseStream(encodeEvent({ data: '' })).events.length, 1);
  });
  it('id, event and retry could not be sent', () => {
    const { events, retries } = parseStream(encodeEvent({ id: '1', event: 'x', retry: 5, data: 'a' }));
    assert.deepEqual([events, retries], [[{ type: 'x', data: 'a', lastEventId: '1' }], [5]]);
  });
});
