// Row 29: nothing is done for a client before it is known that it may ask.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../src/clock/deferred.js';
import { EventLog, watchHandler, type WatchHandlerOptions } from '../../src/push/index.js';
import { ask, open, serve } from '../support/push-json.js';

interface Watched extends AsyncDisposable {
  readonly log: EventLog;
  readonly url: string;
  readonly made: { count: number };
}

async function startWatched(authorize: NonNullable<WatchHandlerOptions['authorize']>): Promise<Watched> {
  const log = new EventLog();
  log.publish('secret', 'hidden');
  const made = { count: 0 };
  const toObject = (): object => {
    made.count += 1;
    return {};
  };
  const handler = watchHandler(log, { authorize, toObject });
  const server = await serve((req, res) => handler(req, res));
  return {
    log,
    url: `${server.url}/?stream=secret`,
    made,
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe('authorize', () => {
  it('comes before everything that depends on the log', async () => {
    const asked: (readonly string[])[] = [];
    await using watched = await startWatched((_req, streams) => {
      asked.push(streams);
      return false;
    });
    const queries = ['', '&watch=1', '&watch=1&resourceVersion=0', '&watch=1&resourceVersion=junk', '&continue=junk'];
    for (const query of queries) {
      const { status, text, headers } = await ask(watched.url + query);
      assert.equal(status, 403, query);
      assert.ok(!text.includes('hidden') && !text.includes(watched.log.origin), text);
      assert.equal(headers['trunkline-cursor'], undefined);
    }
    assert.deepEqual(
      asked,
      Array.from(queries, () => ['secret']),
    );
    assert.deepEqual([watched.made.count, watched.log.stats().followers], [0, {}]);
  });

  it('holds back the head, and makes nothing, until it has answered', async () => {
    const gate = deferred<boolean>();
    const called = deferred<void>();
    await using watched = await startWatched(() => {
      called.resolve();
      return gate.promise;
    });
    const opening = open(`${watched.url}&watch=1&resourceVersion=0`);
    await called.promise;
    assert.deepEqual([watched.made.count, watched.log.subscribers().length], [0, 0]);
    gate.resolve(true);
    const response = await opening;
    assert.deepEqual([response.statusCode, watched.made.count, watched.log.subscribers().length], [200, 1, 1]);
    response.destroy();
  });
});
