// The watch handler, followed by curl, kubectl, @kubernetes/client-node and client-go.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  KubeConfig,
  makeInformer,
  Watch,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';
import {
  EventLog,
  type EventLogOptions,
  watchHandler,
  type WatchHandler,
  type WatchHandlerOptions,
  type WatchType,
} from '../../src/push/index.js';
import { ask, serve, type EventServer } from '../support/push-json.js';
import { ensureProgram } from './support/debian.js';
import { startGo } from './support/go-programs.js';

const COUNT = 100;
const PATH = '/apis/push.trunkline.dev/v1/orders';
const values = Array.from({ length: COUNT }, (_, i) => `v${i + 1}`);

interface Watched extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: WatchHandler;
  readonly server: EventServer;
}

async function startWatched(options: WatchHandlerOptions = {}, logOptions: EventLogOptions = {}): Promise<Watched> {
  const log = new EventLog(logOptions);
  // As an API server has it: the last part of the path is the resource.
  const stream: WatchHandlerOptions['stream'] = (req) => req.url?.split('?')[0]?.split('/').at(-1);
  const handler = watchHandler(log, { stream, ...options });
  const server = await serve((req, res) => handler(req, res));
  return {
    log,
    handler,
    server,
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Publishes on two streams, at uneven times, and cuts all connections again and again. */
async function publishAndCut({ log, server }: Watched): Promise<void> {
  for (let n = 1; n <= COUNT; n++) {
    log.publish('others', 'x');
    log.publish('orders', `v${n}`);
    if (n % 4 === 0) await sleep(n % 3 === 0 ? 20 : 2);
    if (n % 24 === 0) {
      server.cut();
      await sleep(30);
    }
  }
}

interface Document {
  readonly type: string;
  readonly object: {
    readonly data?: string;
    readonly code?: number;
    readonly metadata: { readonly resourceVersion: string };
  };
}

/** Runs a program that prints watch documents, and gives them to `onDocument` as they come. */
async function run(
  program: string,
  args: readonly string[],
  onDocument: (document: Document) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly documents: readonly Document[]; readonly status: number | null }> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env,
  });
  const documents: Document[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    // What was cut in the middle of a line counts for nothing.
    if (!line.endsWith('}}')) return;
    const document = JSON.parse(line) as Document;
    documents.push(document);
    onDocument(document);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { documents, status };
}

describe('curl', { timeout: 60_000 }, () => {
  before(() => ensureProgram('/usr/bin/curl', 'curl'));

  it('lists, then watches again and again from the last version, and sees every event once', async () => {
    await using watched = await startWatched();
    const url = `${watched.server.url}${PATH}`;
    let version = ((await ask(url)).lines[0] as Document['object']).metadata.resourceVersion;
    const publishing = publishAndCut(watched);
    const seen: string[] = [];
    let watches = 0;
    while (seen.length < COUNT) {
      watches += 1;
      await run('curl', ['-sSN', `${url}?watch=1&resourceVersion=${version}&timeoutSeconds=1`], ({ object }) => {
        version = object.metadata.resourceVersion;
        seen.push(object.data ?? '');
      });
    }
    await publishing;
    assert.deepEqual(seen, values);
    assert.ok(watches > 1, 'the watch was not cut');
  });
});

describe('kubectl', { timeout: 60_000 }, () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'kubectl-'));
  });
  after(() => rmSync(home, { recursive: true }));
  const kubectl = (server: string, path: string, onDocument?: (document: Document) => void): ReturnType<typeof run> =>
    run('kubectl', [`--server=${server}`, 'get', '--raw', path], onDocument, { PATH: process.env['PATH'], HOME: home });

  it('gets the raw list, and watches to the end that the server sets', async () => {
    await using watched = await startWatched();
    const { log, server } = watched;
    for (const value of ['1', '2']) log.publish('orders', value);
    const { documents, status } = await kubectl(
      server.url,
      `${PATH}?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=1`,
      ({ object }) => {
        if (object.data === '2') log.publish('orders', '3');
      },
    );
    assert.equal(status, 0);
    const events = documents.filter(({ type }) => type === 'ADDED');
    assert.deepEqual(
      events.map(({ object }) => object.data),
      ['1', '2', '3'],
    );
    assert.equal(documents.at(-1)?.type, 'BOOKMARK');
    assert.equal(documents.at(-1)?.object.metadata.resourceVersion, log.cursor('orders'));
  });

  it('is told that a version is too old', async () => {
    await using watched = await startWatched({}, { history: { events: 2 } });
    const { log, server } = watched;
    const version = log.cursor('orders');
    for (const value of values.slice(0, 5)) log.publish('orders', value);
    const { documents, status } = await kubectl(server.url, `${PATH}?watch=1&resourceVersion=${version}`);
    assert.deepEqual([status, documents.length, documents[0]?.type, documents[0]?.object.code], [0, 1, 'ERROR', 410]);
  });
});

describe('@kubernetes/client-node', { timeout: 60_000 }, () => {
  function configOf(server: string): KubeConfig {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server, skipTLSVerify: true }],
      users: [{ name: 'u' }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    return config;
  }

  it('sees every event once, though its watches are cut', async () => {
    await using watched = await startWatched();
    const watch = new Watch(configOf(watched.server.url));
    let version = watched.log.cursor('orders');
    const seen: string[] = [];
    let watches = 0;
    const publishing = publishAndCut(watched);
    while (seen.length < COUNT) {
      watches += 1;
      await new Promise<void>((resolve) => {
        void watch.watch(
          PATH,
          { resourceVersion: version, timeoutSeconds: 1 },
          (_type: string, object: Document['object']) => {
            version = object.metadata.resourceVersion;
            seen.push(object.data ?? '');
          },
          () => resolve(),
        );
      });
    }
    await publishing;
    assert.deepEqual(seen, values);
    assert.ok(watches > 1, 'the watch was not cut');
  });

  it('an informer keeps the state of objects, and lists anew when it missed something', async () => {
    await using watched = await startWatched(
      {
        kind: 'Order',
        apiVersion: 'shop.example/v1',
        toObject: ({ data }) => {
          const [name = '', state] = data.split('=');
          return { metadata: { name, namespace: 'eu' }, state } as object;
        },
        watchType: ({ type }) => type as WatchType,
      },
      { history: { events: 4 } },
    );
    const { log, server } = watched;
    const publish = (type: WatchType, data: string): void => void log.publish('orders', data, { type });
    const list = async (): Promise<KubernetesListObject<KubernetesObject>> =>
      (await ask(`${server.url}${PATH}`)).lines[0] as KubernetesListObject<KubernetesObject>;
    publish('ADDED', 'one=new');
    publish('ADDED', 'two=new');
    publish('DELETED', 'two=new');
    const informer = makeInformer(configOf(server.url), PATH, list);
    const happened = (verb: 'add' | 'update' | 'delete', name: string): Promise<KubernetesObject> =>
      new Promise((resolve) => {
        const listener = (object: KubernetesObject): void => {
          if (object.metadata?.name !== name) return;
          informer.off(verb, listener);
          resolve(object);
        };
        informer.on(verb, listener);
      });
    const states = (): string[] =>
      informer.list('eu').map((object) => `${object.metadata?.name ?? ''} ${String(Reflect.get(object, 'state'))}`);
    // It stops for good after a lost connection; and stopping it is an error too.
    const restart = (): void => void informer.start();
    informer.on('error', restart);
    await informer.start();
    assert.deepEqual(states(), ['one new']);

    const three = happened('add', 'three');
    publish('MODIFIED', 'one=paid');
    publish('ADDED', 'three=new');
    await three;
    assert.deepEqual(states(), ['one paid', 'three new']);

    // While it is away, more comes than the history holds. What is told of then is what is left: nothing of `one`.
    const gone = happened('delete', 'one');
    server.cut();
    for (const state of ['packed', 'sent', 'lost', 'sought', 'found']) publish('MODIFIED', `three=${state}`);
    await gone;
    assert.deepEqual(states(), ['three found']);

    const last = happened('delete', 'three');
    publish('DELETED', 'three=found');
    await last;
    assert.deepEqual(states(), []);
    informer.off('error', restart);
    await informer.stop();
  });
});

interface GoLine {
  readonly type: string;
  readonly name?: string;
  readonly data?: string;
  readonly version?: string;
  readonly reason?: string;
  readonly code?: number;
}

describe('client-go', { timeout: 240_000 }, () => {
  const brief = (lines: readonly GoLine[]): string[] => lines.map(({ type, data }) => `${type} ${data ?? ''}`.trim());

  it('a RetryWatcher behind a list sees every event once, though its watches are cut', async () => {
    await using watched = await startWatched();
    watched.log.publish('orders', 'v0');
    const go = startGo<GoLine>('watchclient', ['-url', watched.server.url, '-count', String(COUNT + 1)]);
    await go.line(({ type }) => type === 'LIST');
    await publishAndCut(watched);
    const { lines, status, stderr } = await go.finished;
    assert.equal(status, 0, stderr);
    assert.deepEqual(brief(lines), ['LISTED v0', 'LIST', ...values.map((value) => `ADDED ${value}`)]);
    assert.ok(watched.server.requests.length > 2, 'the watch was not cut');
  });

  it('decodes bookmarks and errors', async () => {
    await using watched = await startWatched({}, { history: { events: 2 } });
    const { log, server } = watched;
    const version = log.cursor('orders');
    for (const value of values.slice(0, 5)) log.publish('orders', value);
    const watchOnce = async (...args: readonly string[]): Promise<readonly GoLine[]> => {
      const go = startGo<GoLine>('watchclient', ['-url', server.url, '-mode', 'once', ...args]);
      const { lines, status, stderr } = await go.finished;
      assert.equal(status, 0, stderr);
      return lines;
    };
    assert.deepEqual(await watchOnce('-version', version), [{ type: 'ERROR', reason: 'Expired', code: 410 }]);
    assert.deepEqual(await watchOnce('-version', 'junk'), [{ type: 'REFUSED', reason: 'BadRequest', code: 400 }]);
    const lines = await watchOnce('-version', '0', '-seconds', '1');
    assert.deepEqual(brief(lines), ['ADDED v4', 'ADDED v5', 'BOOKMARK', 'BOOKMARK']);
    assert.equal(lines.at(-1)?.version, log.cursor('orders'));
  });

  it('understands refusals', async () => {
    for (const [status, reason] of [
      [401, 'Unauthorized'],
      [403, 'Forbidden'],
      [503, 'ServiceUnavailable'],
    ] as const) {
      await using watched = await startWatched({ authorize: () => ({ status }) });
      const go = startGo<GoLine>('watchclient', ['-url', watched.server.url, '-mode', 'once']);
      assert.deepEqual((await go.finished).lines, [{ type: 'REFUSED', reason, code: status }]);
    }
  });

  it('a Reflector gets its list from a watch, follows, and lists anew when it missed something', async () => {
    await using watched = await startWatched({ minRequestTimeout: 0 }, { history: { events: 3 } });
    const { log, server } = watched;
    for (const value of ['a', 'b']) log.publish('orders', value);
    const go = startGo<GoLine>('watchclient', ['-url', server.url, '-mode', 'reflector', '-count', '99']);
    // Informers of today watch instead of listing, and need the bookmark that ends the initial events.
    await go.line(({ type }) => type === 'REPLACE');
    log.publish('orders', 'c');
    await go.line(({ data }) => data === 'c');
    // While it is away, more comes than the history holds.
    server.cut();
    for (const value of values.slice(0, 9)) log.publish('orders', value);
    await go.line(({ type, data }) => type === 'REPLACED' && data === 'v9');
    go.process.kill('SIGTERM');
    const { lines } = await go.finished;
    const text = brief(lines);
    assert.equal(text[0], 'WATCHES THE LIST');
    const first = text.indexOf('REPLACE');
    // The client keeps what a watch lists in a map of Go until the list is complete: in any order.
    assert.deepEqual(text.slice(first + 1, first + 3).toSorted(), ['REPLACED a', 'REPLACED b']);
    assert.equal(text[first + 3], 'ADD c');
    assert.ok(text.indexOf('REPLACE', first + 1) > first, 'it did not list anew');
    assert.deepEqual(text.slice(-3).toSorted(), ['REPLACED v7', 'REPLACED v8', 'REPLACED v9']);
  });
});
