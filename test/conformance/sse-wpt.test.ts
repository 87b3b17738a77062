import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EventSource, type EventSourceMessageEvent, type EventSourceOptions } from '../../src/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { next, serve, type EventServer } from '../support/event-streams.js';
import { pageFetch } from '../support/page-fetch.js';
import { wptHandlers } from '../support/wpt-handlers.js';

/**
 * The files of web-platform-tests, eventsource/, as far as they are not about a browser: what each checks, told anew.
 * Browser-only, by name: bfcache, constructor-document-domain, multi-window url, onmessage-realm, onmessage-trusted,
 * request-cancellation (window.stop), shared-worker. Cookies and CORS are the business of the `fetch` that a client is
 * given: request-credentials, cross-origin and cross-origin-preflight have one that acts as a browser's.
 */

let server: EventServer;
/** The same from another origin. */
let foreign: EventServer;
before(async () => {
  const handle = wptHandlers();
  const listen = (): Promise<EventServer> =>
    serve(async (request, response) => {
      if (!(await handle(request, response))) response.writeHead(404).end();
    });
  [server, foreign] = [await listen(), await listen()];
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await foreign[Symbol.asyncDispose]();
});

function open(resource: string, options: EventSourceOptions = {}): EventSource & Disposable {
  const url = resource.startsWith('http') ? resource : `eventsource/resources/${resource}`;
  const source = new EventSource(url, { baseURL: `${server.url}/`, ...options });
  return Object.assign(source, { [Symbol.dispose]: () => source.close() });
}

/** Options for a client that has cookies and is bound by CORS, as on a page. */
const asPage = (options: EventSourceOptions = {}): EventSourceOptions => ({
  fetch: pageFetch(server.url),
  ...options,
});
const fromElsewhere = (resource: string): string => `${foreign.url}/eventsource/resources/${resource}`;

const message = (text: string, rest = ''): string => `message.py?message=${encodeURIComponent(text)}${rest}`;

/** The first events of type `message`, and those of other types that came before them. */
async function messages(
  source: EventSource,
  count: number,
  ...types: readonly string[]
): Promise<EventSourceMessageEvent[]> {
  const events: EventSourceMessageEvent[] = [];
  return await new Promise((resolve) => {
    for (const type of ['message', ...types]) {
      source.addEventListener(type, (event) => {
        events.push(event);
        if (events.length === count) resolve(events);
      });
    }
  });
}

const dataOf = (events: readonly EventSourceMessageEvent[]): string[] => events.map(({ data }) => data);

async function firstData(resource: string, options: EventSourceOptions = {}): Promise<string | undefined> {
  using source = open(resource, options);
  return dataOf(await messages(source, 1))[0];
}

describe('format', () => {
  it('event-data', async () => {
    using source = open('message2.py');
    assert.deepEqual(dataOf(await messages(source, 3)), ['msg\nmsg', '', 'end']);
  });
  it('format-bom', async () => {
    using source = open(message('\uFEFFdata:1\n\n\uFEFFdata:2\n\ndata:3'));
    assert.deepEqual(dataOf(await messages(source, 2)), ['1', '3']);
  });
  it('format-bom-2', async () => {
    using source = open(message('\uFEFF\uFEFFdata:1\n\ndata:2\n\ndata:3'));
    assert.deepEqual(dataOf(await messages(source, 2)), ['2', '3']);
  });
  it('format-comments', async () => {
    const long = 'x'.repeat(2 * 1024);
    const text = `data:1\r:\0\n:\r\ndata:2\n:${long}\rdata:3\n:data:fail\r:${long}\ndata:4\n`;
    assert.equal(await firstData(message(text, '&newline=none')), '1\n2\n3\n4');
  });
  it('format-data-before-final-empty-line', async () => {
    using source = open(message('retry:1\ndata:test1\n\nid:test\ndata:test2', '&newline=none'));
    const [first, second] = await messages(source, 2);
    assert.deepEqual([first?.lastEventId, first?.data], ['', 'test1']);
    assert.deepEqual([second?.lastEventId, second?.data], ['', 'test1']);
  });
  it('format-field-data', async () => {
    using source = open(message('data:\n\ndata\ndata\n\ndata:test'));
    assert.deepEqual(dataOf(await messages(source, 3)), ['', '\n', 'test']);
  });
  it('format-field-event', async () => {
    using source = open(message('event:test\ndata:x\n\ndata:y'));
    const events = await messages(source, 2, 'test');
    assert.deepEqual(
      events.map(({ type, data }) => [type, data]),
      [
        ['test', 'x'],
        ['message', 'y'],
      ],
    );
  });
  it('format-field-event-empty', async () => {
    assert.equal(await firstData(message('event: \ndata:data')), 'data');
  });
  it('format-field-id and format-field-id-2', async () => {
    using source = open('last-event-id.py');
    const events = await messages(source, 3);
    assert.deepEqual(
      events.map(({ data, lastEventId }) => [data, lastEventId]),
      [
        ['hello', '…'],
        ['…', '…'],
        ['…', '…'],
      ],
    );
  });
  it('format-field-id-3', async () => {
    for (const [type, ids] of Object.entries({ 1: ['1', '1', '2', '2'], 2: ['1', '', ''], 3: ['1', '', ''] })) {
      using source = open(`last-event-id2.py?type=${type}`);
      const events = await messages(source, ids.length);
      assert.deepEqual(
        events.map(({ lastEventId }) => lastEventId),
        ids,
      );
    }
  });
  it('format-field-id-null', async () => {
    for (const id of ['\0\0', 'x\0', '\0x', 'x\0x', ' \0']) {
      using source = open(`last-event-id.py?idvalue=${encodeURIComponent(id)}`);
      const events = await messages(source, 2);
      assert.deepEqual(
        events.map(({ data, lastEventId }) => [data, lastEventId]),
        [
          ['hello', ''],
          ['hello', ''],
        ],
      );
    }
  });
  it('format-field-parsing', async () => {
    const text =
      'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n';
    assert.equal(await firstData(message(text, '&newline=none')), '\0\n 2\n1\n3\n\n4');
  });
  for (const [file, lines, wait] of [
    ['format-field-retry', 'retry:02000\ndata:x', 2_000],
    ['format-field-retry-bogus', 'retry:3000\nretry:1000x\ndata:x', 3_000],
    ['format-field-retry-empty', 'retry\ndata:test', 5_000],
  ] as const) {
    it(file, async () => {
      const clock = new VirtualClock();
      using source = open(message(lines), { clock, reconnectTime: 5_000 });
      await next(source, 'message');
      await next(source, 'error');
      await turn();
      const times: number[] = [];
      source.addEventListener('open', () => times.push(clock.now()));
      for (const step of [wait - 1, 1]) {
        clock.advance(step);
        for (let i = 0; i < 20; i += 1) await turn();
        if (step > 1) assert.deepEqual(times, []);
      }
      while (times.length === 0) await turn();
      assert.deepEqual(times, [wait]);
    });
  }
  it('format-field-unknown', async () => {
    assert.equal(
      await firstData(message('data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test')),
      'test\n\ntest',
    );
  });
  it('format-leading-space', async () => {
    assert.equal(await firstData(message('data:\ttest\rdata: \ndata:test')), '\ttest\n\ntest');
  });
  it('format-newlines', async () => {
    assert.equal(await firstData(message('data:test\r\ndata\ndata:test\r\n\r', '&newline=none')), 'test\n\ntest');
  });
  it('format-null-character', async () => {
    assert.equal(await firstData(message('data:\0\n\n\n\n')), '\0');
  });
  it('format-utf-8', async () => {
    assert.equal(await firstData(message('data:ok…', '&mime=text/event-stream%3Bcharset=windows-1252')), 'ok…');
  });
  for (const [file, mime] of [
    ['format-mime-bogus', 'x%20bogus'],
    ['format-mime-valid-bogus', 'text/x-bogus'],
  ] as const) {
    it(file, async () => {
      using source = open(`message.py?mime=${mime}`);
      source.addEventListener('open', () => assert.fail('open'));
      const event = await next(source, 'error');
      assert.equal(source.readyState, source.CLOSED);
      assert.ok(event instanceof Event);
      assert.deepEqual(['data' in event, event.bubbles, event.cancelable], [false, false, false]);
    });
  }
  it('format-mime-trailing-semicolon', async () => {
    using source = open('message.py?mime=text/event-stream%3B');
    await next(source, 'open');
    assert.equal(source.readyState, source.OPEN);
  });
});

describe('request', () => {
  it('request-accept', async () => assert.equal(await firstData('accept.event_stream?pipe=sub'), 'text/event-stream'));
  it('request-cache-control', async () => {
    for (const resource of ['cache-control.event_stream?pipe=sub', fromElsewhere('cors.py?run=cache-control')]) {
      for (let round = 0; round < 2; round += 1) assert.equal(await firstData(resource, asPage()), 'no-cache');
    }
  });
  it('request-credentials', async () => {
    for (const [withCredentials, seen] of [
      [true, 'COOKIE'],
      [false, 'NO_COOKIE'],
      [undefined, 'NO_COOKIE'],
    ] as const) {
      const options = withCredentials === undefined ? {} : { withCredentials };
      using source = open(fromElsewhere('cors-cookie.py?ident=x'), asPage(options));
      assert.deepEqual(dataOf(await messages(source, 2)), ['first NO_COOKIE', `second ${seen}`]);
    }
  });
  it('request-redirect', async () => {
    for (const status of [301, 302, 303, 307]) {
      const location = encodeURIComponent('/eventsource/resources/message.py');
      using source = open(`redirect.py?status=${status}&location=${location}`);
      source.addEventListener('error', () => assert.fail('error'));
      await next(source, 'open');
      assert.equal(source.readyState, source.OPEN);
    }
  });
  it('request-status-error', async () => {
    for (const status of [204, 205, 210, 299, 404, 410, 503]) {
      using source = open(`status-error.py?status=${status}`);
      source.addEventListener('message', () => assert.fail('message'));
      await next(source, 'error');
      assert.equal(source.readyState, source.CLOSED);
    }
  });
});

describe('cross-origin', () => {
  it('allowed', async () => {
    for (const query of [
      'run=message',
      'run=redirect&location=/eventsource/resources/cors.py?run=message',
      'run=status-reconnect&status=200',
    ]) {
      using source = open(fromElsewhere(`cors.py?${query}`), asPage({ withCredentials: true }));
      const [event] = await messages(source, 1);
      assert.deepEqual([event?.data, event?.origin], ['data', foreign.url]);
    }
  });
  it('denied', async () => {
    for (const resource of [
      'cors.py?run=message&origin=http://example.org',
      'cors.py?run=message&origin=',
      'message.py',
    ]) {
      using source = open(fromElsewhere(resource), asPage());
      for (const type of ['open', 'message']) source.addEventListener(type, () => assert.fail(type));
      const event = await next(source, 'error');
      assert.deepEqual([source.readyState, 'data' in event], [EventSource.CLOSED, false]);
    }
  });
  it('cross-origin-preflight', async () => {
    for (const fixture of ['safe', 'long', 'unsafe']) {
      using source = open(fromElsewhere(`cors-unsafe-last-event-id.py?fixture=${fixture}&token=${fixture}`), asPage());
      const events = await messages(source, 2, 'success', 'failure');
      assert.deepEqual(
        events.map(({ type }) => type),
        ['message', 'success'],
        events[1]?.data,
      );
    }
  });
});

describe('the interface', () => {
  it('eventsource-close: states', async () => {
    using source = open('message.py');
    assert.equal(source.readyState, source.CONNECTING);
    await next(source, 'open');
    assert.equal(source.readyState, source.OPEN);
    source.close();
    assert.equal(source.readyState, source.CLOSED);
  });
  it('eventsource-close: events up to the final failure', async () => {
    using source = open('reconnect-fail.py?id=close', asPage());
    const seen: string[] = [];
    source.addEventListener('message', ({ data }) => seen.push(data));
    source.addEventListener('error', () => seen.push(`error ${source.readyState}`));
    while (source.readyState !== EventSource.CLOSED) await next(source, 'error');
    for (let i = 0; i < 20; i += 1) await turn();
    assert.deepEqual(seen, ['opened', 'error 0', 'reconnected', 'error 0', 'error 2']);
  });
  it('eventsource-reconnect', async () => {
    assert.equal(await firstData('status-reconnect.py?status=200', asPage()), 'data');
    using source = open('status-reconnect.py?status=200&ok_first&id=2', asPage());
    const seen: string[] = [];
    source.addEventListener('error', () => seen.push(`error ${source.readyState}`));
    const events = await messages(source, 2);
    assert.deepEqual([dataOf(events), seen], [['ok', 'data'], ['error 0']]);
  });
  it('eventsource-eventtarget', async () => {
    using source = open('message.py');
    const event = await next<EventSourceMessageEvent>(source, 'message');
    assert.equal(event.data, 'data');
    const listener = { handleEvent: () => assert.fail('removed') };
    source.addEventListener('x', listener);
    source.removeEventListener('x', listener);
    source.dispatchEvent(new Event('x'));
  });
  for (const [attribute, type] of [
    ['onopen', 'open'],
    ['onmessage', 'message'],
    ['onerror', 'error'],
  ] as const) {
    it(`eventsource-${attribute}`, async () => {
      using source = open('message.py');
      assert.equal(source[attribute], null);
      const calls: string[] = [];
      const handler = function handle(this: EventSource, event: Event): void {
        assert.equal(this, source);
        calls.push(`handler ${event.type}`);
      };
      Object.assign(source, { [attribute]: () => assert.fail('replaced') });
      source.addEventListener(type, () => calls.push('listener'));
      Object.assign(source, { [attribute]: handler });
      assert.equal(source[attribute], handler);
      await next(source, type);
      assert.deepEqual(calls, [`handler ${type}`, 'listener']);
      Object.assign(source, { [attribute]: {} });
      assert.equal(source[attribute], null);
      source.dispatchEvent(new Event(type));
      assert.deepEqual(calls.slice(2), ['listener']);
    });
  }
  it('eventsource-prototype', () => {
    Object.assign(EventSource.prototype, { returnTrue: () => true });
    using source = open('message.py');
    assert.equal((Reflect.get(source, 'returnTrue') as () => boolean)(), true);
    Reflect.deleteProperty(EventSource.prototype, 'returnTrue');
    assert.notEqual(source.onmessage, undefined);
  });
  it('eventsource-url', () => {
    using source = open('message.py');
    assert.equal(source.url, `${server.url}/eventsource/resources/message.py`);
  });
  it('eventsource-constructor-url-bogus', () => {
    assert.throws(() => new EventSource('http://this is invalid/'), { name: 'SyntaxError' });
  });
  it('eventsource-constructor-empty-url', () => {
    const source = new EventSource('', { baseURL: server.url });
    assert.equal(source.url, `${server.url}/`);
    source.close();
  });
  it('eventsource-constructor-stringify', () => {
    for (const [value, end] of [
      [{ toString: () => 'resources/message.py' }, '/resources/message.py'],
      [1, '/1'],
      [null, '/null'],
      [undefined, '/undefined'],
    ] as const) {
      const source = Reflect.construct(EventSource, [value, { baseURL: server.url }]) as EventSource;
      assert.ok(source.url.endsWith(end), source.url);
      source.close();
    }
  });
  it('eventsource-constructor-non-same-origin', async () => {
    for (const url of [
      'http://127.0.0.1:1/',
      'ftp://127.0.0.1/',
      'about:blank',
      'mailto:whatwg@awesome.example',
      'javascript:alert()',
    ]) {
      const source = new EventSource(url);
      await next(source, 'error');
      assert.equal(source.readyState, url.startsWith('http') ? EventSource.CONNECTING : EventSource.CLOSED, url);
      source.close();
    }
  });
  it('eventsource-constructor-no-new', () => {
    assert.throws(() => Reflect.apply(EventSource, undefined, ['']), TypeError);
  });
  it('interfaces: constants', () => {
    using source = open('message.py');
    for (const target of [EventSource, EventSource.prototype, source]) {
      assert.deepEqual([target.CONNECTING, target.OPEN, target.CLOSED], [0, 1, 2]);
    }
  });
});
