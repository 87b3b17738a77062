import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import {
  EventLog,
  type EventLogOptions,
  longPollHandler,
  type LongPollHandler,
  type LongPollOptions,
} from '../../src/push/index.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ask, documentsOf, open, serve, type EventServer, type JsonAnswer } from '../support/push-json.js';

interface Keys extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: LongPollHandler;
  readonly server: EventServer;
  readonly url: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<JsonAnswer>;
}

interface EtcdEvent {
  readonly action: string;
  readonly node: { readonly key: string; readonly value: string; readonly modifiedIndex: number };
  readonly cursor: string;
}

async function startKeys(options: LongPollOptions = {}, logOptions: EventLogOptions = {}): Promise<Keys> {
  const log = new EventLog(logOptions);
  const handler = longPollHandler(log, options);
  const server = await serve((req, res) => handler(req, res));
  const url = `${server.url}/v2/keys`;
  return {
    log,
    handler,
    server,
    url,
    get: (path, headers = {}) => ask(url + path, { headers }),
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function eventOf({ status, lines, text }: JsonAnswer): EtcdEvent {
  assert.equal(status, 200, text);
  assert.equal(lines.length, 1, text);
  return lines[0] as EtcdEvent;
}

function codeOf({ status, lines }: JsonAnswer): readonly [status: number, code: number, index: number] {
  const { errorCode, index } = lines[0] as { readonly errorCode: number; readonly index: number };
  return [status, errorCode, index];
}

describe('waiting', () => {
  it('sends the head at once, and the event when it comes', async () => {
    await using keys = await startKeys();
    const { log, url } = keys;
    log.publish('a', '1');
    const response = await open(`${url}/a?wait=true`);
    const { headers } = response;
    assert.deepEqual(
      [response.statusCode, headers['x-etcd-index'], headers['trunkline-run'], headers['x-etcd-cluster-id']],
      [200, '1', log.origin, log.origin],
    );
    assert.equal(headers['trunkline-cursor'], log.cursor('a'));
    log.publish('b', 'not this');
    log.publish('a', '2');
    log.publish('a', '3');
    const seen: EtcdEvent[] = [];
    for await (const event of documentsOf<EtcdEvent>(response)) seen.push(event);
    assert.deepEqual(
      seen.map(({ node }) => node),
      [{ key: '/a', value: '2', modifiedIndex: 3, createdIndex: 3 }],
    );
  });

  it('from the next index gives each event once, whenever it was published', async () => {
    // Publishing before, between and during the requests: the window in which etcd's own documentation warns of losses.
    await using keys = await startKeys();
    const { log, get } = keys;
    const random = seededRandom(7);
    const published: string[] = [];
    const publish = (count: number): void => {
      for (let i = 0; i < count; i++) {
        log.publish('other', 'x');
        published.push(String(published.length));
        log.publish('a', published.at(-1) ?? '');
      }
    };
    const seen: string[] = [];
    let index = 1;
    while (seen.length < 200) {
      if (published.length < 200 && random() < 0.5) publish(Math.floor(random() * 4));
      const answer = get(`/a?wait=true&waitIndex=${index}`);
      if (published.length < 200 && random() < 0.5) setImmediate(() => publish(1 + Math.floor(random() * 3)));
      if (published.length === seen.length) publish(1);
      const { node } = eventOf(await answer);
      seen.push(node.value);
      index = node.modifiedIndex + 1;
    }
    assert.deepEqual(seen, published.slice(0, 200));
  });

  it('recursively follows the streams below, in one order', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    for (const stream of ['a', 'ab', 'a/1', 'b', 'a/2/3', 'a']) log.publish(stream, stream);
    const seen: string[] = [];
    for (let index = 1; index <= 6;) {
      const { node } = eventOf(await get(`/a?wait=true&recursive=true&waitIndex=${index}`));
      seen.push(node.key);
      index = node.modifiedIndex + 1;
    }
    assert.deepEqual(seen, ['/a', '/a/1', '/a/2/3', '/a']);
    assert.equal(eventOf(await get('/?wait=true&recursive=true&waitIndex=2')).node.key, '/ab');
  });

  it('answers a future index that comes next, and refuses one that this run cannot have told', async () => {
    await using keys = await startKeys();
    const { log, get, url } = keys;
    log.publish('a', '1');
    assert.deepEqual(codeOf(await get('/a?wait=true&waitIndex=3')), [400, 401, 1]);
    const response = await open(`${url}/a?wait=true&waitIndex=2`);
    log.publish('a', '2');
    for await (const { node } of documentsOf<EtcdEvent>(response)) assert.equal(node.value, '2');
  });

  it('can wait for any future index, as etcd does', async () => {
    await using keys = await startKeys({ ahead: 'wait' });
    const { log, url } = keys;
    const response = await open(`${url}/a?wait=true&waitIndex=4`);
    for (const value of ['1', '2', '3', '4', '5']) log.publish('a', value);
    const seen: string[] = [];
    for await (const { node } of documentsOf<EtcdEvent>(response)) seen.push(node.value);
    assert.deepEqual(seen, ['4']);
  });

  it('refuses the index of another run, when the client says which', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    for (const value of ['1', '2', '3']) log.publish('a', value);
    assert.deepEqual(codeOf(await get('/a?wait=true&waitIndex=2&run=another1')), [400, 401, 3]);
    assert.deepEqual(codeOf(await get('/a?wait=true&waitIndex=2', { 'Trunkline-Run': 'another1' })), [400, 401, 3]);
    const own = await get('/a?wait=true&waitIndex=2', { 'Trunkline-Run': log.origin });
    assert.equal(eventOf(own).node.value, '2');
  });

  it('ends with an empty body when the time is up, and loses nothing by it', async () => {
    const clock = new VirtualClock();
    await using keys = await startKeys({ timeout: 30_000 }, { clock });
    const { log, url, get } = keys;
    const response = await open(`${url}/a?wait=true&waitIndex=1`);
    clock.advance(29_999);
    assert.equal(log.subscribers().length, 1);
    clock.advance(1);
    const chunks = await response.toArray();
    assert.deepEqual([response.statusCode, chunks.length], [200, 0]);
    assert.equal(log.stats().ended['long-poll']?.timeout, 1);
    log.publish('a', '1');
    assert.equal(eventOf(await get('/a?wait=true&waitIndex=1')).node.value, '1');
  });

  it('ends with an empty body when the log or the handler closes', async () => {
    await using keys = await startKeys();
    const { log, url, handler, get } = keys;
    const first = await open(`${url}/a?wait=true`);
    handler.close();
    assert.equal((await first.toArray()).length, 0);
    assert.equal((await get('/a?wait=true')).status, 503);
    log.close();
  });

  it('delivers what is due when the log closes', async () => {
    await using keys = await startKeys();
    const { log, url } = keys;
    const response = await open(`${url}/a?wait=true`);
    log.publish('a', 'last');
    log.close();
    const seen: string[] = [];
    for await (const { node } of documentsOf<EtcdEvent>(response)) seen.push(node.value);
    assert.deepEqual(seen, ['last']);
  });

  it('leaves nothing behind when the client goes', async () => {
    await using keys = await startKeys({ timeout: 60_000 });
    const { log, url } = keys;
    const response = await open(`${url}/a?wait=true`);
    assert.equal(log.subscribers().length, 1);
    response.destroy();
    while (log.subscribers().length > 0) await turn();
    assert.equal(log.stats().ended['long-poll']?.left, 1);
  });

  it('tells of events that nobody has any more by error 401, behind which the client goes on', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    log.publish('a', '1');
    log.appendLoss('bbbbbbbb', 5);
    log.append({ origin: 'bbbbbbbb', n: 6, stream: 'a', type: 'message', data: '6', age: 0 });
    assert.equal(eventOf(await get('/a?wait=true&waitIndex=1')).node.modifiedIndex, 1);
    const refused = await get('/a?wait=true&waitIndex=2');
    assert.deepEqual(codeOf(refused), [400, 401, 2]);
    assert.deepEqual(codeOf(await get('/a?wait=true&stream=true&waitIndex=2')), [400, 401, 2]);
    assert.equal(eventOf(await get('/a?wait=true&waitIndex=3')).node.value, '6');
  });

  it('ends with an empty body where it comes to a loss, so that the next request is told', async () => {
    await using keys = await startKeys();
    const { log, url, get } = keys;
    const response = await open(`${url}/a?wait=true&waitIndex=1`);
    log.appendLoss('bbbbbbbb', 5);
    assert.equal((await response.toArray()).length, 0);
    assert.deepEqual(codeOf(await get('/a?wait=true&waitIndex=1')), [400, 401, 1]);
  });

  it('shows an action of its own, and survives a hook that throws', async () => {
    const action = (event: { readonly type: string }): string => {
      if (event.type === 'bad') throw new Error('no');
      return `on-${event.type}`;
    };
    await using keys = await startKeys({ action });
    const { log, get } = keys;
    log.publish('a', '1', { type: 'x' });
    log.publish('a', '2', { type: 'bad' });
    assert.equal(eventOf(await get('/a?wait=true&waitIndex=1')).action, 'on-x');
    assert.equal(eventOf(await get('/a?wait=true&waitIndex=2')).action, 'set');
  });
});

describe('stream=true', () => {
  it('gives the history and then what comes, one document per line', async () => {
    await using keys = await startKeys();
    const { log, url } = keys;
    log.publish('a', '1');
    log.publish('a', '2');
    const response = await open(`${url}/a?wait=true&stream=true&waitIndex=1`);
    const seen: string[] = [];
    for await (const { node } of documentsOf<EtcdEvent>(response)) {
      seen.push(node.value);
      if (node.value === '2') log.publish('a', '3');
      if (node.value === '3') log.close();
    }
    assert.deepEqual(seen, ['1', '2', '3']);
  });

  it('is counted with those that wait', { timeout: 20_000 }, async () => {
    await using keys = await startKeys();
    assert.equal(keys.handler.clients, 0);
    const streamed = await open(`${keys.url}/a?wait=true&stream=true`);
    const waiting = await open(`${keys.url}/a?wait=true`);
    assert.equal(keys.handler.clients, 2);
    keys.handler.close();
    await Promise.all([streamed.toArray(), waiting.toArray()]);
    while (keys.handler.clients > 0) await turn();
  });

  it('ends in order when the time is up', async () => {
    const clock = new VirtualClock();
    await using keys = await startKeys({ timeout: 1000 }, { clock });
    const response = await open(`${keys.url}/a?wait=true&stream=true`);
    clock.advance(1000);
    assert.equal((await response.toArray()).length, 0);
    assert.equal(response.complete, true);
  });

  it('ends before a loss', async () => {
    await using keys = await startKeys();
    const { log, url } = keys;
    const response = await open(`${url}/a?wait=true&stream=true&waitIndex=1`);
    log.publish('a', '1');
    log.appendLoss('bbbbbbbb', 5);
    log.publish('a', '2');
    const seen: string[] = [];
    for await (const { node } of documentsOf<EtcdEvent>(response)) seen.push(node.value);
    assert.deepEqual(seen, ['1']);
  });
});

describe('cursors', () => {
  it('bring all that is due, each with the cursor to go on from', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    const begin = (await get('/?recursive=true')).headers['trunkline-cursor'];
    for (const value of ['1', '2', '3']) log.publish('a', value);
    const answer = await get(`/a?wait=true&cursor=${String(begin)}`);
    const events = answer.lines as readonly EtcdEvent[];
    assert.deepEqual(
      events.map(({ node }) => node.value),
      ['1', '2', '3'],
    );
    assert.equal(answer.headers['trunkline-cursor'], begin);
    // Whoever parses the answer as one document learns it before there are two.
    assert.equal(answer.headers['content-type'], 'application/x-ndjson');
    assert.equal((await get('/a?wait=true&waitIndex=1')).headers['content-type'], 'application/json');
    const second = await get(`/a?wait=true&cursor=${events[1]?.cursor ?? ''}`);
    assert.deepEqual(
      (second.lines as readonly EtcdEvent[]).map(({ node }) => node.value),
      ['3'],
    );
  });

  it('without wait give nothing when nothing is due', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    log.publish('a', '1');
    const answer = await get(`/a?cursor=${log.cursor('a')}`);
    assert.deepEqual([answer.status, answer.text, answer.headers['trunkline-cursor']], [200, '', log.cursor('a')]);
  });

  it('mean the same on another pod', async () => {
    await using one = await startKeys();
    await using other = await startKeys();
    const event = one.log.publish('a', '1');
    one.log.publish('a', '2');
    const { data, stream, type, origin } = event;
    other.log.publish('a', 'local');
    other.log.append({ origin, n: 1, stream, type, data, age: 0 });
    other.log.append({ origin, n: 2, stream, type, data: '2', age: 0 });
    const begin = (await one.get('/a?wait=true&waitIndex=1')).lines[0] as EtcdEvent;
    const answer = await other.get(`/a?wait=true&cursor=${begin.cursor}`);
    assert.deepEqual(
      (answer.lines as readonly EtcdEvent[]).map(({ node }) => node.value),
      ['local', '2'],
    );
  });

  it('tell of a gap, and go on behind it', async () => {
    await using keys = await startKeys({}, { history: { events: 2 } });
    const { log, get } = keys;
    const cursor = log.cursor('a');
    for (const value of ['1', '2', '3', '4']) log.publish('a', value);
    const answer = await get(`/a?wait=true&cursor=${cursor}`);
    const [gap, ...events] = answer.lines as readonly [
      { readonly gap: object; readonly cursor: string },
      ...EtcdEvent[],
    ];
    assert.deepEqual(gap, {
      action: 'gap',
      gap: { reason: 'expired', streams: ['a'], missing: [{ origin: log.origin, after: 0, through: 2 }] },
      cursor: gap.cursor,
    });
    const valuesOf = (list: readonly EtcdEvent[]): readonly string[] => list.map(({ node }) => node.value);
    assert.deepEqual(valuesOf(events), ['3', '4']);
    const rest = await get(`/a?wait=true&cursor=${gap.cursor}`);
    assert.deepEqual(valuesOf(rest.lines as readonly EtcdEvent[]), ['3', '4']);
  });

  it('that are none give 400, error 209', async () => {
    await using keys = await startKeys();
    for (const cursor of ['', 'x', `${keys.log.origin}9`]) {
      const answer = await keys.get(`/a?wait=true&cursor=${cursor}`);
      assert.deepEqual(codeOf(answer), [400, 209, 0], cursor);
      const streamed = await keys.get(`/a?wait=true&stream=true&cursor=${cursor}`);
      assert.deepEqual(codeOf(streamed), [400, 209, 0], cursor);
    }
    assert.equal(keys.log.subscribers().length, 0);
  });

  it('keep coming with stream=true, gaps included', async () => {
    await using keys = await startKeys({}, { history: { events: 2 } });
    const { log, url } = keys;
    const cursor = log.cursor('a');
    for (const value of ['1', '2', '3']) log.publish('a', value);
    const response = await open(`${url}/a?wait=true&stream=true&cursor=${cursor}`);
    const seen: string[] = [];
    for await (const { action, node } of documentsOf<Partial<EtcdEvent>>(response)) {
      seen.push(action === 'gap' ? 'gap' : (node?.value ?? ''));
      if (node?.value === '3') log.close();
    }
    assert.deepEqual(seen, ['gap', '2', '3']);
  });
});
