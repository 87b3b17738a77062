import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../../src/clock/deferred.js';
import { EventSink, sinkEvents, type EventFeed, type SinkEnd, type SinkEvent } from '../../../src/sse/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { parseStream, serve } from '../../support/event-streams.js';

/** A feed that gives these events and then waits until the client goes. */
function openFeed(...events: readonly SinkEvent[]): EventFeed<SinkEvent> {
  return async function* feed(signal) {
    yield* events;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
}

describe('the head of the response', () => {
  it('has type, no-cache, and what keeps proxies from buffering', async () => {
    await using server = await serve(async (_request, response) => {
      await sinkEvents(response, 200, []);
    });
    const { headers, status } = await fetch(server.url);
    assert.deepEqual(
      [status, headers.get('content-type'), headers.get('cache-control'), headers.get('x-accel-buffering')],
      [200, 'text/event-stream', 'no-cache, no-transform', 'no'],
    );
  });
  it('keeps headers that were set, and takes any status', async () => {
    await using server = await serve(async (_request, response) => {
      response.setHeader('Cache-Control', 'no-store');
      response.setHeader('X-Own', 'yes');
      await sinkEvents(response, 203, []);
    });
    const { headers, status } = await fetch(server.url);
    assert.deepEqual([status, headers.get('cache-control'), headers.get('x-own')], [203, 'no-store', 'yes']);
  });
  it('is there before the first event', async () => {
    await using server = await serve(async (_request, response) => {
      await sinkEvents(response, 200, openFeed());
    });
    const response = await fetch(server.url);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  });
  it('cannot be sent twice', async () => {
    const failed = deferred<unknown>();
    await using server = await serve(async (_request, response) => {
      response.writeHead(200).write('x');
      await sinkEvents(response, 200, []).catch(failed.resolve);
      response.end();
    });
    await (await fetch(server.url)).text();
    assert.equal(Reflect.get((await failed.promise) as object, 'code'), 'ERR_INVALID_ARGUMENT');
  });
  it('is all that HEAD gets; the feed is not begun', async () => {
    const ends: SinkEnd[] = [];
    await using server = await serve(async (_request, response) => {
      ends.push(await sinkEvents(response, 200, () => assert.fail('begun'), { reconnectTime: 5 }));
    });
    const response = await fetch(server.url, { method: 'HEAD' });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.deepEqual(ends, ['feed-ended']);
  });
});

describe('the events', () => {
  it('come with all fields, the reconnect time first', async () => {
    await using server = await serve(async (_request, response) => {
      await sinkEvents(response, 200, ['text', { id: '1', event: 'x', data: 'a', comment: 'c' }, { retry: 7 }], {
        reconnectTime: 2_500,
      });
    });
    assert.deepEqual(parseStream(await (await fetch(server.url)).text()), {
      events: [
        { type: 'message', data: 'text', lastEventId: '' },
        { type: 'x', data: 'a', lastEventId: '1' },
      ],
      retries: [2_500, 7],
      comments: [' c'],
      lastEventId: '1',
    });
  });
  it('of a feed that ends: the response ends', async () => {
    const ends: SinkEnd[] = [];
    await using server = await serve(async (_request, response) => {
      ends.push(await sinkEvents(response, 200, ['a']));
    });
    await (await fetch(server.url)).text();
    assert.deepEqual(ends, ['feed-ended']);
  });
  it('of a feed that throws: the response is cut, and the error told', async () => {
    const failure = new Error('the feed broke');
    const failed = deferred<unknown>();
    await using server = await serve(async (_request, response) => {
      await sinkEvents(response, 200, async function* feed() {
        yield 'a';
        throw failure;
      }).catch(failed.resolve);
    });
    await assert.rejects(async () => await (await fetch(server.url)).text());
    assert.equal(await failed.promise, failure);
  });
  it('are flushed through a compression middleware', async () => {
    let flushes = 0;
    await using server = await serve(async (_request, response) => {
      Object.assign(response, { flush: () => (flushes += 1) });
      await sinkEvents(response, 200, ['a', 'b']);
    });
    await (await fetch(server.url)).text();
    assert.equal(flushes, 2);
  });
  it('go over HTTP/2 as well', async () => {
    const ends: SinkEnd[] = [];
    const gone = deferred<void>();
    const server = createHttp2Server((_request, response) => {
      void (async () => {
        ends.push(await sinkEvents(response, 200, openFeed('a', { data: 'b' })));
        gone.resolve();
      })();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':path': '/' });
    let text = '';
    for await (const chunk of stream) {
      text += String(chunk);
      if (text.endsWith('data: b\n\n')) break;
    }
    await gone.promise;
    session.close();
    server.close();
    await once(server, 'close');
    assert.deepEqual(ends, ['client-closed']);
    assert.equal(parseStream(text).events.length, 2);
  });
});

describe('the end', () => {
  it('when the client goes: the signal is aborted and return() called, even of a feed that is waiting', async () => {
    const calls: string[] = [];
    const done = deferred<SinkEnd>();
    await using server = await serve(async (_request, response) => {
      const end = await sinkEvents(response, 200, (signal) => {
        signal.addEventListener('abort', () => calls.push('abort'));
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise<never>(() => {}),
            return: async () => {
              calls.push('return');
              throw new Error('nobody hears this');
            },
          }),
        };
      });
      done.resolve(end);
    });
    const response = await fetch(server.url);
    await response.body?.cancel();
    assert.equal(await done.promise, 'client-closed');
    assert.deepEqual(calls, ['abort', 'return']);
  });
  it('when the client had gone before', async () => {
    const done = deferred<SinkEnd>();
    await using server = await serve(async (_request, response) => {
      const sink = new EventSink(response, () => assert.fail('begun'));
      await once(response, 'close');
      done.resolve(await sink.sink());
    });
    const abort = new AbortController();
    const request = fetch(server.url, { signal: abort.signal });
    while (server.requests.length === 0) await turn();
    abort.abort();
    await assert.rejects(request);
    assert.equal(await done.promise, 'client-closed');
  });
  it('when the signal is aborted: the response ends in order', async () => {
    const abort = new AbortController();
    const ends: SinkEnd[] = [];
    await using server = await serve(async (_request, response) => {
      ends.push(await sinkEvents(response, 200, openFeed('a'), { signal: abort.signal }));
    });
    const response = await fetch(server.url);
    abort.abort();
    assert.match(await response.text(), /^(?:data: a\n\n)?$/);
    assert.deepEqual(ends, ['aborted']);
  });
  it('a sink works once', async () => {
    const failed = deferred<unknown>();
    await using server = await serve(async (_request, response) => {
      const sink = new EventSink(response, []);
      await sink.sink();
      await sink.sink().catch(failed.resolve);
    });
    await (await fetch(server.url)).text();
    assert.equal(Reflect.get((await failed.promise) as object, 'code'), 'ERR_INVALID_ARGUMENT');
  });
  it('leaves no timer', async () => {
    const clock = new VirtualClock();
    await using server = await serve(async (_request, response) => {
      await sinkEvents(response, 200, ['a'], { clock });
    });
    await (await fetch(server.url)).text();
    assert.equal(clock.pending, 0);
  });
  for (const [name, options] of Object.entries({
    keepAlive: { keepAlive: -1 },
    writeTimeout: { writeTimeout: Number.NaN },
    reconnectTime: { reconnectTime: 0.5 },
  })) {
    it(`a bad ${name} is refused`, async () => {
      const failed = deferred<unknown>();
      await using server = await serve(async (_request, response) => {
        await sinkEvents(response, 200, [], options).catch(failed.resolve);
        response.end();
      });
      await (await fetch(server.url)).text();
      assert.equal(Reflect.get((await failed.promise) as object, 'code'), 'ERR_INVALID_ARGUMENT');
    });
  }
});
