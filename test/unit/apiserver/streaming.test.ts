import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { exec, attach } from '../../../src/remotecommand/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { FakeRuntime, send, testPod, withServer } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';

/** An answer whose body is read line by line. */
class Lines {
  readonly res: IncomingMessage;
  readonly #lines: AsyncIterator<string>;

  constructor(res: IncomingMessage) {
    this.res = res;
    this.#lines = createInterface({ input: res })[Symbol.asyncIterator]();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Lines> {
    const req = request(url, { headers, agent: false });
    req.end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    return new Lines(res);
  }

  async next(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** Type and name of the next event of a watch. */
  async event(): Promise<string | undefined> {
    const line = await this.next();
    if (line === undefined) return undefined;
    const { type, object } = JSON.parse(line) as {
      type: string;
      object: { metadata?: { name?: string; resourceVersion?: string }; code?: number };
    };
    return `${type} ${object.metadata?.name ?? object.code ?? object.metadata?.resourceVersion}`;
  }
}

describe('watch', () => {
  it('begins with the current state, and goes on with changes', async () => {
    await withServer({}, async ({ url }, runtime) => {
      const watch = await Lines.open(`${url}${PODS}?watch=true`);
      assert.equal(watch.res.headers['content-type'], 'application/json');
      assert.deepEqual([await watch.event(), await watch.event()], ['ADDED a', 'ADDED b']);
      runtime.pods.put(testPod('c'));
      runtime.pods.put(testPod('a'));
      runtime.pods.delete('default', 'b');
      const events = [await watch.event(), await watch.event(), await watch.event()];
      assert.deepEqual(events, ['ADDED c', 'MODIFIED a', 'DELETED b']);
    });
  });

  it('begins after a version, and sees selection as coming and going', async () => {
    await withServer({}, async ({ url }, runtime) => {
      const { version } = runtime.pods.list();
      const query = `watch=1&resourceVersion=${version}&fieldSelector=status.phase%3DRunning`;
      const watch = await Lines.open(`${url}${PODS}?${query}`);
      runtime.pods.put(testPod('a', {}, 'Failed'));
      runtime.pods.put(testPod('c', {}, 'Pending'));
      runtime.pods.put(testPod('c'));
      assert.deepEqual([await watch.event(), await watch.event()], ['DELETED a', 'ADDED c']);
    });
  });

  it('sends tables to those who want them, with the columns once', async () => {
    await withServer({}, async ({ url }) => {
      const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
      const watch = await Lines.open(`${url}${PODS}?watch=true`, headers);
      const columns = async (): Promise<number> =>
        (JSON.parse((await watch.next()) ?? '') as { object: { columnDefinitions: [] } }).object.columnDefinitions
          .length;
      assert.deepEqual([await columns(), await columns()], [9, 0]);
    });
  });

  it('tells that a version is too old, and ends', async () => {
    await withServer(
      {},
      async ({ url }, runtime) => {
        for (let count = 0; count < 10; count++) runtime.pods.put(testPod('a'));
        const watch = await Lines.open(`${url}${PODS}?watch=true&resourceVersion=2`);
        assert.deepEqual([await watch.event(), await watch.event()], ['ERROR 410', undefined]);
        const future = await send(`${url}${PODS}?watch=true&resourceVersion=999`);
        assert.equal(future.code, 504);
        const refused = await send(`${url}${PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
        assert.equal(refused.code, 422);
      },
      new FakeRuntime(4),
    );
  });

  it('ends in order after timeoutSeconds, and sends bookmarks only when asked', async () => {
    const clock = new VirtualClock();
    await withServer({ clock }, async ({ url }) => {
      const query = 'watch=true&resourceVersion=3&timeoutSeconds=100';
      const quiet = await Lines.open(`${url}${PODS}?${query}`);
      const marked = await Lines.open(`${url}${PODS}?${query}&allowWatchBookmarks=true`);
      clock.advance(60_000);
      assert.equal(await marked.event(), 'BOOKMARK 3');
      clock.advance(40_000);
      assert.equal(await quiet.next(), undefined);
      assert.ok(quiet.res.complete);
    });
    assert.equal(clock.pending, 0);
  });

  it('ends in order when the server closes', async () => {
    let watch: Lines | undefined;
    await withServer({}, async ({ url }) => {
      watch = await Lines.open(`${url}${PODS}?watch=true`);
      await watch.event();
      await watch.event();
    });
    assert.equal(await watch?.next(), undefined);
    assert.ok(watch?.res.complete);
  });
});

describe('log', () => {
  it('passes the options on, and streams what the runtime gives', async () => {
    await withServer({ wallClock: { now: () => new Date('2026-01-01T00:00:10Z') } }, async ({ url }, runtime) => {
      const { text, headers } = await send(
        `${url}${PODS}/a/log?container=main&tailLines=5&timestamps=true&limitBytes=9&sinceSeconds=10&follow=false`,
      );
      assert.deepEqual([text, headers['content-type']], ['line 1\nline 2\n', 'text/plain']);
      await send(`${url}${PODS}/a/log?previous=true&follow=1`);
      const plain = { container: 'main', follow: false, previous: false, timestamps: false };
      const since = new Date('2026-01-01T00:00:00Z');
      assert.deepEqual(runtime.logOptions, [
        { ...plain, timestamps: true, tailLines: 5, limitBytes: 9, since },
        { ...plain, follow: true, previous: true },
      ]);
    });
  });

  it('lets go of the log when the client goes, and ends in order when the server closes', async () => {
    let second: Lines | undefined;
    await withServer({}, async ({ url }, runtime) => {
      const sources = [new PassThrough(), new PassThrough()];
      const [first] = sources;
      runtime.log = () => sources.shift() ?? new PassThrough();
      const follower = await Lines.open(`${url}${PODS}/a/log?follow=true`);
      first?.write('hello\n');
      assert.equal(await follower.next(), 'hello');
      follower.res.destroy();
      if (first !== undefined && !first.destroyed) await once(first, 'close');
      second = await Lines.open(`${url}${PODS}/a/log?follow=true`);
    });
    assert.equal(await second?.next(), undefined);
    assert.ok(second?.res.complete);
  });

  it('cuts the answer off when the log fails', async () => {
    await withServer({}, async ({ url }, runtime) => {
      const source = new PassThrough();
      runtime.log = () => source;
      const follower = await Lines.open(`${url}${PODS}/a/log?follow=true`);
      follower.res.on('error', () => {});
      const closed = new Promise((resolve) => follower.res.once('close', resolve));
      source.destroy(new Error('broken'));
      await closed;
      assert.equal(follower.res.complete, false);
    });
  });
});

describe('exec and attach', () => {
  for (const transport of ['websocket', 'spdy'] as const) {
    it(`reach the runtime over ${transport}`, async () => {
      await withServer({}, async ({ url }) => {
        const target = { server: url, pod: 'a' };
        const result = await exec(target, { command: ['echo', 'x'], transport });
        assert.deepEqual([result.exitCode, result.stdout], [7, 'echo x']);
        assert.equal((await attach(target, { transport })).stdout, 'attached');
      });
    });
  }
});
