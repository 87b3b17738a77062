import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  EventLog,
  type EventLogOptions,
  watchHandler,
  type WatchHandlerOptions,
  type WatchType,
} from '../../src/push/index.js';
import { ask, serve, type JsonAnswer } from '../support/push-json.js';

interface List {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly {
    readonly data?: string;
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
  }[];
}

interface Listed extends AsyncDisposable {
  readonly log: EventLog;
  get(query?: string): Promise<JsonAnswer>;
  list(query?: string): Promise<List>;
}

async function startListed(options: WatchHandlerOptions = {}, logOptions: EventLogOptions = {}): Promise<Listed> {
  const log = new EventLog(logOptions);
  const handler = watchHandler(log, { stream: 'a', ...options });
  const server = await serve((req, res) => handler(req, res));
  const get = async (query = ''): Promise<JsonAnswer> => await ask(`${server.url}/?${query}`);
  return {
    log,
    get,
    async list(query) {
      const { status, lines, text } = await get(query);
      assert.equal(status, 200, text);
      return lines[0] as List;
    },
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const valuesOf = ({ items }: List): (string | undefined)[] => items.map(({ data }) => data);

describe('a list', () => {
  it('holds what is retained, and the version behind it', async () => {
    await using listed = await startListed({}, { history: { events: 2 } });
    const { log, list } = listed;
    assert.deepEqual(await list(), {
      kind: 'EventList',
      apiVersion: 'push.trunkline.dev/v1',
      metadata: { resourceVersion: log.cursor('a') },
      items: [],
    });
    for (const data of ['1', '2', '3']) log.publish('a', data);
    log.publish('b', 'x');
    const all = await list();
    assert.deepEqual(valuesOf(all), ['2', '3']);
    assert.equal(all.metadata.resourceVersion, log.cursor('a'));
    assert.equal(new Set(all.items.map(({ metadata }) => metadata.resourceVersion)).size, 2);
    assert.equal(log.subscribers().length, 0);
  });

  it('comes in pages, each with its own version', async () => {
    await using listed = await startListed();
    const { log, list } = listed;
    for (const data of ['1', '2', '3', '4', '5']) log.publish('a', data);
    const seen: (string | undefined)[] = [];
    let page = await list('limit=2');
    for (;;) {
      seen.push(...valuesOf(page));
      const { continue: token, resourceVersion } = page.metadata;
      if (token === undefined) break;
      assert.equal(resourceVersion, page.items.at(-1)?.metadata.resourceVersion);
      page = await list(`limit=2&continue=${token}`);
    }
    assert.deepEqual(seen, ['1', '2', '3', '4', '5']);
  });

  it('is cut into pages when it is too large', async () => {
    await using listed = await startListed({ maxListBytes: 1000 });
    const { log, list } = listed;
    for (let i = 0; i < 10; i++) log.publish('a', String(i).repeat(300));
    const page = await list();
    assert.ok(page.items.length > 0 && page.items.length < 5, `${page.items.length} items`);
    assert.notEqual(page.metadata.continue, undefined);
  });

  it('cannot be continued where the history has gone: 410', async () => {
    await using listed = await startListed({}, { history: { events: 3 } });
    const { log, list, get } = listed;
    for (const data of ['1', '2', '3']) log.publish('a', data);
    const { metadata } = await list('limit=1');
    for (const data of ['4', '5']) log.publish('a', data);
    const { status, lines } = await get(`limit=1&continue=${metadata.continue ?? ''}`);
    const [body] = lines as readonly { readonly reason: string; readonly code: number }[];
    assert.deepEqual([status, body?.code, body?.reason], [410, 410, 'Expired']);
    assert.equal((await get('continue=junk')).status, 400);
  });

  it('passes over losses', async () => {
    await using listed = await startListed();
    const { log, list } = listed;
    log.publish('a', '1');
    log.appendLoss('bbbbbbbb', 5);
    log.publish('a', '2');
    const all = await list();
    assert.deepEqual(valuesOf(all), ['1', '2']);
    assert.equal(all.metadata.resourceVersion, log.cursor('a'));
  });

  it('of objects with states has the last one of each, whole', async () => {
    await using listed = await startListed({
      kind: 'Order',
      apiVersion: 'shop.example/v1',
      toObject: ({ data }) => {
        const [name = '', state] = data.split('=');
        return { metadata: { name, namespace: 'n' }, state } as object;
      },
      watchType: ({ type }) => type.toUpperCase() as WatchType,
    });
    const { log, list } = listed;
    for (const [type, data] of [
      ['added', 'one=new'],
      ['added', 'two=new'],
      ['modified', 'one=paid'],
      ['deleted', 'two=new'],
      ['added', 'three=new'],
    ] as const) {
      log.publish('a', data, { type });
    }
    const all = await list('limit=1');
    assert.deepEqual(
      [all.kind, all.apiVersion, all.metadata],
      ['OrderList', 'shop.example/v1', { resourceVersion: log.cursor('a') }],
    );
    assert.deepEqual(
      all.items.map((item) => [item.metadata.name, Reflect.get(item, 'state')]),
      [
        ['one', 'paid'],
        ['three', 'new'],
      ],
    );
  });
});
