import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  EventLog,
  type EventLogOptions,
  watchHandler,
  type WatchHandler,
  type WatchHandlerOptions,
} from '../../src/push/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ask, documentsOf, open, serve, type JsonAnswer } from '../support/push-json.js';

interface Watched extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: WatchHandler;
  watch(query: string): Promise<IncomingMessage>;
  get(query: string): Promise<JsonAnswer>;
}

interface WatchDocument {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly reason?: string;
    readonly data?: string;
    readonly metadata: {
      readonly name?: string;
      readonly resourceVersion: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
}

async function startWatched(options: WatchHandlerOptions = {}, logOptions: EventLogOptions = {}): Promise<Watched> {
  const log = new EventLog(logOptions);
  const handler = watchHandler(log, options);
  const server = await serve((req, res) => handler(req, res));
  return {
    log,
    handler,
    watch: (query) => open(`${server.url}/?stream=a&watch=1&${query}`),
    get: (query) => ask(`${server.url}/?stream=a&${query}`),
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Types and data of what comes, until it ends or `done`. */
async function follow(
  response: IncomingMessage,
  onDocument: (document: WatchDocument, seen: number) => void = () => {},
): Promise<WatchDocument[]> {
  const seen: WatchDocument[] = [];
  for await (const document of documentsOf<WatchDocument>(response)) onDocument(document, seen.push(document));
  return seen;
}

const brief = (documents: readonly WatchDocument[]): string[] =>
  documents.map(({ type, object }) => `${type} ${object.data ?? object.metadata.resourceVersion}`);

describe('a watch', () => {
  it('sends its head at once, with the position of now', async () => {
    await using watched = await startWatched();
    watched.log.publish('a', 'before');
    const response = await watched.watch('');
    const { headers } = response;
    assert.deepEqual(
      [response.statusCode, headers['content-type'], headers['transfer-encoding'], headers['cache-control']],
      [200, 'application/json', 'chunked', 'no-cache, private'],
    );
    assert.equal(headers['trunkline-cursor'], watched.log.cursor('a'));
    watched.log.publish('b', 'not this');
    watched.log.publish('a', '1');
    const seen = await follow(response, () => watched.log.close());
    assert.deepEqual(brief(seen), ['ADDED 1']);
  });

  it('gives what comes behind its version, and each version continues', async () => {
    await using watched = await startWatched();
    for (const data of ['1', '2', '3', '4']) watched.log.publish('a', data);
    const all = await follow(await watched.watch('resourceVersion=0&timeoutSeconds=60'), (_, seen) => {
      if (seen === 4) watched.handler.close();
    });
    assert.deepEqual(brief(all), ['ADDED 1', 'ADDED 2', 'ADDED 3', 'ADDED 4']);
    for (const [i, { object }] of all.entries()) {
      const handler = watchHandler(watched.log);
      await using server = await serve((req, res) => handler(req, res));
      const response = await open(`${server.url}/?stream=a&watch=1&resourceVersion=${object.metadata.resourceVersion}`);
      const end = `end ${i}`;
      watched.log.publish('a', end);
      const seen = await follow(response, (document) => {
        if (document.object.data === end) handler.close();
      });
      const ends = Array.from({ length: i + 1 }, (_, n) => `ADDED end ${n}`);
      assert.deepEqual(brief(seen), [...brief(all.slice(i + 1)), ...ends]);
    }
  });

  it('continues a list without a hole', async () => {
    await using watched = await startWatched();
    const { log, get, watch } = watched;
    log.publish('a', '1');
    const [list] = (await get('')).lines as readonly {
      readonly metadata: { readonly resourceVersion: string };
      readonly items: readonly WatchDocument['object'][];
    }[];
    assert.deepEqual(
      list?.items.map(({ data }) => data),
      ['1'],
    );
    log.publish('a', '2');
    const response = await watch(`resourceVersion=${list?.metadata.resourceVersion ?? ''}`);
    log.publish('a', '3');
    const seen = await follow(response, (_, count) => {
      if (count === 2) log.close();
    });
    assert.deepEqual(brief(seen), ['ADDED 2', 'ADDED 3']);
  });

  it('that is too old is told by an ERROR event of 410 in a 200, and ends in order', async () => {
    await using watched = await startWatched({}, { history: { events: 2 } });
    const { log, watch } = watched;
    const version = log.cursor('a');
    for (const data of ['1', '2', '3', '4']) log.publish('a', data);
    const response = await watch(`resourceVersion=${version}&allowWatchBookmarks=true`);
    const seen = await follow(response);
    assert.equal(response.statusCode, 200);
    assert.equal(response.complete, true);
    assert.equal(seen.length, 1);
    const [error] = seen;
    assert.deepEqual(
      [error?.type, error?.object.kind, error?.object.code, error?.object.reason],
      ['ERROR', 'Status', 410, 'Expired'],
    );
    // Where the log goes on.
    const next = await watch(`resourceVersion=${error?.object.metadata.resourceVersion ?? ''}`);
    const rest = await follow(next, (_, count) => {
      if (count === 2) log.close();
    });
    assert.deepEqual(brief(rest), ['ADDED 3', 'ADDED 4']);
  });

  it('of a run that nobody knows is too old', async () => {
    await using watched = await startWatched();
    const seen = await follow(await watched.watch('resourceVersion=zzzzzzzz7'));
    assert.deepEqual([seen.length, seen[0]?.object.code], [1, 410]);
  });

  it('that meets a loss is told so, unless it asked for what is retained', async () => {
    await using watched = await startWatched();
    const { log, watch, handler } = watched;
    const version = log.cursor('a');
    log.publish('a', '1');
    log.appendLoss('bbbbbbbb', 5);
    log.publish('a', '2');
    const told = await follow(await watch(`resourceVersion=${version}`));
    assert.deepEqual(
      told.map(({ type, object }) => [type, object.data ?? object.reason]),
      [
        ['ADDED', '1'],
        ['ERROR', 'Expired'],
      ],
    );
    const retained = await follow(await watch('resourceVersion=0'), ({ object }) => {
      if (object.data === '2') log.appendLoss('bbbbbbbb', 6);
    });
    assert.deepEqual(
      retained.map(({ type, object }) => [type, object.data ?? object.reason]),
      [
        ['ADDED', '1'],
        ['ADDED', '2'],
        ['ERROR', 'Expired'],
      ],
    );
    handler.close();
  });

  it('with a version that is none gives 400 as a Status', async () => {
    await using watched = await startWatched();
    for (const version of ['x', '-1', '12', `${watched.log.origin}9`]) {
      const { status, lines } = await watched.get(`watch=1&resourceVersion=${version}`);
      const [body] = lines as readonly { readonly kind: string; readonly reason: string; readonly code: number }[];
      assert.deepEqual([status, body?.kind, body?.reason, body?.code], [400, 'Status', 'BadRequest', 400], version);
    }
    assert.equal(watched.log.subscribers().length, 0);
  });

  it('leaves nothing behind when the client goes', async () => {
    const clock = new VirtualClock();
    await using watched = await startWatched({ writeTimeout: 0 }, { clock });
    const before = clock.pending;
    const response = await watched.watch('allowWatchBookmarks=1');
    assert.deepEqual([watched.handler.clients, clock.pending], [1, before + 1]);
    response.destroy();
    while (watched.log.subscribers().length > 0) await turn();
    assert.deepEqual([watched.handler.clients, clock.pending], [0, before]);
  });

  it('is not begun by HEAD', async () => {
    await using watched = await startWatched();
    await using server = await serve((req, res) => watched.handler(req, res));
    const { status, headers, text } = await ask(`${server.url}/?stream=a&watch=1`, { method: 'HEAD' });
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', '']);
    assert.equal(watched.log.subscribers().length, 0);
  });

  it('is compressed only when the server likes to', async () => {
    for (const compression of [undefined, true]) {
      await using watched = await startWatched(compression === undefined ? {} : { compression });
      watched.log.publish('a', '1');
      await using server = await serve((req, res) => watched.handler(req, res));
      const headers = { 'Accept-Encoding': 'gzip' };
      const response = await open(`${server.url}/?stream=a&watch=1&resourceVersion=0`, { headers });
      const first = (await response.iterator({ destroyOnReturn: false }).next()).value as Buffer;
      watched.log.close();
      const body = Buffer.concat([first, ...((await response.toArray()) as Buffer[])]);
      assert.equal(response.headers['content-encoding'], compression === true ? 'gzip' : undefined);
      const text = (compression === true ? gunzipSync(body) : body).toString();
      assert.equal((JSON.parse(text) as WatchDocument).object.data, '1');
    }
  });

  it('ends with an error where an event cannot be made an object', async () => {
    const logged: object[] = [];
    const ignore = (): void => {};
    await using watched = await startWatched({
      toObject: ({ data }) => JSON.parse(data) as object,
      logger: { debug: ignore, info: ignore, warn: ignore, error: (fields) => logged.push(fields) },
    });
    watched.log.publish('a', '{"metadata":{"name":"one"}}');
    watched.log.publish('a', 'no object');
    watched.log.publish('a', '{}');
    const seen = await follow(await watched.watch('resourceVersion=0'));
    assert.deepEqual(
      seen.map(({ type, object }) => [type, object.metadata.name ?? object.code]),
      [
        ['ADDED', 'one'],
        ['ERROR', 500],
      ],
    );
    assert.equal(logged.length, 1);
  });
});

describe('the end of a watch', () => {
  it('comes in order after timeoutSeconds', async () => {
    const clock = new VirtualClock();
    await using watched = await startWatched({}, { clock });
    const response = await watched.watch('timeoutSeconds=5');
    clock.advance(4999);
    watched.log.publish('a', '1');
    const seen = await follow(response, () => clock.advance(1));
    assert.deepEqual(brief(seen), ['ADDED 1']);
    assert.equal(response.complete, true);
    assert.equal(watched.log.stats().ended['watch']?.timeout, 1);
  });

  it('comes at random between the least time and twice as much', async () => {
    for (const [random, lifetime] of [
      [0, 1000],
      [0.5, 1500],
    ] as const) {
      const clock = new VirtualClock();
      await using watched = await startWatched({ minRequestTimeout: 1000, random: () => random }, { clock });
      const response = await watched.watch('');
      clock.advance(lifetime - 1);
      assert.equal(watched.log.subscribers().length, 1);
      clock.advance(1);
      assert.equal((await follow(response)).length, 0);
    }
  });

  it('never comes where the least time is 0, or the client asks for ages', async () => {
    const clock = new VirtualClock();
    await using watched = await startWatched({ minRequestTimeout: 0, writeTimeout: 0 }, { clock });
    await watched.watch('');
    await watched.watch('timeoutSeconds=9007199254740991');
    clock.advance(2 ** 40);
    assert.equal(watched.log.subscribers().length, 2);
  });
});

describe('bookmarks', () => {
  it('come when all has been had, periodically, and before the end', async () => {
    const clock = new VirtualClock();
    await using watched = await startWatched({ bookmarkInterval: 60_000 }, { clock });
    const { log, watch } = watched;
    log.publish('a', '1');
    const first = log.cursor('a');
    const response = await watch('resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=100');
    const versions: string[] = [first];
    const seen = await follow(response, ({ type }, count) => {
      if (type !== 'BOOKMARK') return;
      log.publish('other', 'x');
      versions.push(log.cursor('a'));
      clock.advance(count === 2 ? 60_000 : 40_000);
    });
    assert.deepEqual(
      brief(seen),
      ['ADDED 1', ...versions.slice(0, 3).map((version) => `BOOKMARK ${version}`)],
      'the position moves with what other streams get',
    );
    assert.equal(new Set(versions).size, 4);
    assert.deepEqual(seen[1]?.object, {
      kind: 'Event',
      apiVersion: 'push.trunkline.dev/v1',
      metadata: { resourceVersion: first },
    });
  });

  it('come only to those who allow them', async () => {
    const clock = new VirtualClock();
    await using watched = await startWatched({ bookmarkInterval: 1000 }, { clock });
    const response = await watched.watch('timeoutSeconds=10');
    clock.advance(10_000);
    assert.equal((await follow(response)).length, 0);
  });

  it('end the initial events, when these were asked for', async () => {
    await using watched = await startWatched();
    const { log, watch } = watched;
    log.publish('a', '1');
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const seen = await follow(await watch(query), ({ type, object }) => {
      if (object.metadata.annotations !== undefined) log.publish('a', '2');
      else if (type === 'ADDED' && object.data === '2') log.close();
    });
    assert.deepEqual(brief(seen).slice(0, 3), [
      'ADDED 1',
      `BOOKMARK ${seen[1]?.object.metadata.resourceVersion}`,
      'ADDED 2',
    ]);
    assert.deepEqual(seen[1]?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  });

  it('end them at once where there are none', async () => {
    await using watched = await startWatched();
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const seen = await follow(await watched.watch(query), () => watched.log.close());
    assert.deepEqual(seen[0]?.object.metadata, {
      resourceVersion: watched.log.cursor('a'),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
  });

  it('take the place of initial events that are not wanted', async () => {
    await using watched = await startWatched();
    watched.log.publish('a', '1');
    const query = 'sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0&allowWatchBookmarks=1';
    const seen = await follow(await watched.watch(query), () => watched.handler.close());
    assert.deepEqual(brief(seen)[0], `BOOKMARK ${watched.log.cursor('a')}`);
    assert.ok(seen.every(({ type }) => type === 'BOOKMARK'));
  });
});
