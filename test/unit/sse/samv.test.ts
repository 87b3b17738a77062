import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  CLOSED,
  EventSink,
  newJSONEncoderFeed,
  SSEClient,
  sinkEvents,
  sinkJSONEvents,
  type EventSinkOptions,
  type ParsedEvent,
  type SSEEvent,
  type SinkEvent,
} from '../../../src/sse/index.js';
import { deferred } from '../../../src/clock/deferred.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { everySplit, parsePieces, parseStream, serve } from '../../support/event-streams.js';

/** The tests of samv/sse (3637f8f), by the names that they have there, to today's text where it differs from that of 2009. */

async function take<T>(iterable: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

const message = (data: string, lastEventId = '', type = 'message'): ParsedEvent => ({ type, data, lastEventId });

describe('TestScannerHappy and TestScannerSlowly: whole, one byte at a time, cut at every place', () => {
  const bytes = (...parts: readonly (string | number)[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))));
  interface Vector {
    readonly stream: Buffer;
    readonly events?: readonly ParsedEvent[];
    readonly comments?: readonly string[];
  }
  // Followed by an empty line, each shows what the original's tokens say; without one, that the end dispatches nothing.
  const vectors: readonly Vector[] = [
    { stream: bytes('') },
    { stream: bytes('\uFEFF') },
    { stream: bytes('\uFEFFid') },
    { stream: bytes('﹅: wat\nwat:wat') },
    { stream: bytes('\uFEF3: hi\nid: foo\ndata:\n'), events: [message('', 'foo')] },
    { stream: bytes('data:foo\rdata:baz\r\ndata:blah\r'), events: [message('foo\nbaz\nblah')] },
    { stream: bytes('data: hello', 0x80, '\n'), events: [message('hello\uFFFD')] },
    // One U+FFFD for each byte, where the original has one for both.
    { stream: bytes('data:', 0xa0, 0xa1, '\n'), events: [message('\uFFFD\uFFFD')] },
    { stream: bytes(':test\r\rid:\rid\r'), comments: ['test'] },
    { stream: bytes('data:'), events: [message('')] },
    { stream: bytes('data: {"hello":"realtime"}\n\n'), events: [message('{"hello":"realtime"}')] },
  ];
  for (const [index, { stream, events = [], comments = [] }] of vectors.entries()) {
    it(`vector ${index + 1}`, () => {
      for (const pieces of everySplit(Buffer.concat([stream, Buffer.from('\n\n')]))) {
        const parsed = parsePieces(pieces);
        assert.deepEqual(parsed.events, events);
        assert.deepEqual(parsed.comments, comments);
      }
      const complete = stream.toString().endsWith('\n\n') ? events : [];
      for (const pieces of everySplit(stream)) assert.deepEqual(parsePieces(pieces).events, complete);
    });
  }
  it('TestValidUTF8', () => {
    for (const [data, text] of [
      [bytes('normal'), 'normal'],
      [bytes('valíd'), 'valíd'],
      [bytes('inval', 0xff), 'inval\uFFFD'],
    ] as const) {
      assert.deepEqual(parseStream(Buffer.concat([bytes('data:'), data, bytes('\n\n')])).events, [message(text)]);
    }
  });
});

describe('protocol_test', () => {
  it('TestSpecExamples', () => {
    assert.deepEqual(parseStream('data: YHOO\ndata: +2\ndata: 10\n\n').events, [message('YHOO\n+2\n10')]);
    assert.deepEqual(
      parseStream(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event').events,
      [message('first event', '1'), message('second event')],
    );
    assert.deepEqual(parseStream('data\n\ndata\ndata\n\ndata:').events, [message(''), message('\n')]);
    assert.deepEqual(parseStream('data:test\n\ndata: test\n\n').events, [message('test'), message('test')]);
  });
  it('TestCustomEvents', () => {
    const stream =
      'data: {"msg": "First message"}\n\nevent: userlogon\ndata: {"username": "John123"}\n\n' +
      'event: update\ndata: {"username": "John123", "emotion": "happy"}\n\n';
    assert.deepEqual(
      parseStream(stream).events.map(({ type, data }) => [type, data]),
      [
        ['message', '{"msg": "First message"}'],
        ['userlogon', '{"username": "John123"}'],
        ['update', '{"username": "John123", "emotion": "happy"}'],
      ],
    );
  });
  it('TestRetry', () => {
    const { events, retries } = parseStream('retry: 10000\ndata: hello world\n\n');
    assert.deepEqual([events, retries], [[message('hello world')], [10_000]]);
  });
});

describe('client_test', () => {
  it('TestClientConnect: connects, receives, closes', async () => {
    await using server = await serve(async (_request, response) => {
      await sinkJSONEvents(response, 200, async function* feed(signal) {
        yield { hello: 'realtime' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
    });
    const client = new SSEClient();
    client.getStream(server.url);
    const [event] = await take(client.messages, 1);
    assert.deepEqual(JSON.parse(event?.data ?? ''), { hello: 'realtime' });
    client.close();
    assert.equal(client.readyState, CLOSED);
    assert.deepEqual(await take(client.messages, 1), []);
  });

  it('TestClientOpenClose: a cut stream gives 2 opens, 1 close, 2 messages', async () => {
    let streams = 0;
    await using server = await serve(async (_request, response) => {
      streams += 1;
      const data = { count: streams };
      await sinkJSONEvents(response, 200, async function* feed(signal) {
        yield data;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
    });
    const client = new SSEClient({ reconnectTime: 10 });
    const opens = take(client.opens, 10);
    const errors = take(client.errors, 10);
    const messages: SSEEvent[] = [];
    client.getStream(server.url);
    for await (const event of client.messages) {
      messages.push(event);
      if (messages.length === 2) break;
      server.cut();
    }
    client.close();
    // The second close is our own.
    assert.deepEqual(await opens, [true, false, true, false]);
    assert.deepEqual(await errors, []);
    assert.deepEqual(
      messages.map(({ data }) => data),
      ['{"count":1}', '{"count":2}'],
    );
  });

  it('TestClientError: 403 comes through errors, once, and the client is closed', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(403).end('Who are you?');
    });
    const client = new SSEClient();
    const messages = take(client.messages, 1);
    const errors = take(client.errors, 2);
    client.getStream(server.url);
    assert.match((await errors).map(({ message: text }) => text).join(), /^[^,]*403[^,]*$/);
    assert.deepEqual(await messages, []);
    assert.equal(client.readyState, CLOSED);
  });
});

/** Serves one request with a sink and gives back what the client was sent. */
async function sunk(
  feed: (signal: AbortSignal) => AsyncIterable<SinkEvent>,
  until: (text: string) => boolean,
  options: EventSinkOptions = {},
): Promise<string> {
  await using server = await serve(async (_request, response) => {
    await sinkEvents(response, 200, feed, options);
  });
  const response = await fetch(server.url);
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (until(text)) break;
  }
  return text;
}

// A line feed that ends the data is kept: the original takes it for the end of the text.
describe('sink_test and jsonsink_test', () => {
  it('TestSink: lines of every kind, and the feed is told that the client went', async () => {
    const told: string[] = [];
    const ended = deferred<void>();
    const text = await sunk(
      async function* feed(signal) {
        yield { data: 'hello, world\n' };
        yield { data: 'howdy,\nfolks\n' };
        yield { data: 'T WORLD\r\nOHAI\r\n' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        told.push('gone');
        ended.resolve();
      },
      (sofar) => sofar.includes('OHAI\ndata: \n\n'),
    );
    await ended.promise;
    assert.deepEqual(told, ['gone']);
    assert.deepEqual(parseStream(text).events, [
      message('hello, world\n'),
      message('howdy,\nfolks\n'),
      message('T WORLD\nOHAI\n'),
    ]);
  });

  it('TestSinkDrains: a feed is not read on once the client went', async () => {
    let given = 0;
    const left = deferred<void>();
    const text = await sunk(
      async function* feed() {
        try {
          for (; given < 100_000; given += 1) {
            yield `event #${given + 1}`;
            await turn();
          }
        } finally {
          left.resolve();
        }
      },
      (sofar) => sofar.includes('event #50\n'),
    );
    await left.promise;
    assert.ok(parseStream(text).events.length >= 50);
    assert.ok(given < 100_000, String(given));
  });

  it('TestSinkKeepAlive: a comment when nothing was written for a while', async () => {
    const clock = new VirtualClock();
    const text = await sunk(
      async function* feed(signal) {
        queueMicrotask(() => {
          clock.advance(99);
          clock.advance(1);
          clock.advance(100);
        });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield 'never';
      },
      (sofar) => parseStream(sofar).comments.length === 2,
      { keepAlive: 100, clock },
    );
    assert.deepEqual(parseStream(text), { events: [], retries: [], comments: ['', ''], lastEventId: '' });
  });

  it('TestJSONSink: objects, lists, and things with a JSON form of their own', async () => {
    await using server = await serve(async (_request, response) => {
      const feed = [{ hello: 'world' }, ['one', 'two', 'three'], { toJSON: () => ({ key: 123 }) }, 'text\n'];
      await new EventSink(response, newJSONEncoderFeed(feed)).sink();
    });
    const text = await (await fetch(server.url)).text();
    assert.deepEqual(parseStream(text).events, [
      message('{"hello":"world"}'),
      message('["one","two","three"]'),
      message('{"key":123}'),
      message('"text\\n"'),
    ]);
  });
  it('JSON null and what has no JSON form is left out', async () => {
    await using server = await serve(async (_request, response) => {
      await sinkJSONEvents(response, 200, [null, undefined, Number.NaN, () => 1, 0, false, '']);
    });
    const text = await (await fetch(server.url)).text();
    assert.deepEqual(parseStream(text).events, [message('0'), message('false'), message('""')]);
  });
});
