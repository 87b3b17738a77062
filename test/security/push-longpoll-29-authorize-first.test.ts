// Row 29: nothing is done for a client before it is known that it may ask.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../src/clock/deferred.js';
import { EventLog, longPollHandler, type LongPollOptions } from '../../src/push/index.js';
import { ask, open, serve, type EventServer } from '../support/push-json.js';

interface Keys extends AsyncDisposable {
  readonly log: EventLog;
  readonly server: EventServer;
}

async function startKeys(options: LongPollOptions): Promise<Keys> {
  const log = new EventLog();
  log.publish('secret', 'hidden');
  const handler = longPollHandler(log, options);
  const server = await serve((req, res) => handler(req, res));
  return {
    log,
    server,
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const PATHS = [
  '/secret',
  '/secret?recursive=true',
  '/secret?wait=true',
  '/secret?wait=true&waitIndex=1',
  '/secret?wait=true&waitIndex=99',
  '/secret?wait=true&stream=true&waitIndex=1',
  '/secret?wait=true&cursor=x',
  '/?recursive=true',
];

describe('authorize', () => {
  it('comes before everything that depends on the log', async () => {
    const asked: (readonly string[])[] = [];
    const authorize: LongPollOptions['authorize'] = (_req, streams) => {
      asked.push(streams);
      return false;
    };
    await using keys = await startKeys({ authorize });
    for (const path of PATHS) {
      const { status, text, headers } = await ask(`${keys.server.url}/v2/keys${path}`);
      assert.equal(status, 403, path);
      assert.ok(!text.includes('hidden') && !text.includes('index'), text);
      assert.equal(headers['x-etcd-index'], undefined);
      assert.equal(headers['trunkline-cursor'], undefined);
    }
    assert.deepEqual(asked, [
      ['secret'],
      ['secret', 'secret/*'],
      ['secret'],
      ['secret'],
      ['secret'],
      ['secret'],
      ['secret'],
      ['*'],
    ]);
    assert.deepEqual(keys.log.stats().followers, {});
  });

  it('is given every stream that an answer can be about', async () => {
    const asked: (readonly string[])[] = [];
    await using keys = await startKeys({
      authorize: (_req, streams) => {
        asked.push(streams);
        return true;
      },
    });
    keys.log.publish('dir/secret', 'hidden');
    // One level below, and only the own value of the key.
    assert.equal((await ask(`${keys.server.url}/v2/keys/dir/`)).status, 200);
    assert.equal((await ask(`${keys.server.url}/v2/keys/dir`)).status, 404);
    assert.deepEqual(asked, [['dir', 'dir/*'], ['dir']]);
  });

  it('holds back the head, and follows nothing, until it has answered', async () => {
    const gate = deferred<boolean>();
    const called = deferred<void>();
    await using keys = await startKeys({
      authorize: () => {
        called.resolve();
        return gate.promise;
      },
    });
    const opening = open(`${keys.server.url}/v2/keys/secret?wait=true`);
    await called.promise;
    assert.equal(keys.log.subscribers().length, 0);
    gate.resolve(true);
    const response = await opening;
    assert.equal(response.statusCode, 200);
    assert.equal(keys.log.subscribers().length, 1);
    response.destroy();
  });

  it('that fails tells the client nothing', async () => {
    await using keys = await startKeys({
      authorize: () => {
        throw new Error('password=hunter2');
      },
    });
    const { status, text } = await ask(`${keys.server.url}/v2/keys/secret?wait=true`);
    assert.equal(status, 500);
    assert.ok(!text.includes('hunter2'));
  });

  it('may answer as etcd does', async () => {
    const body = '{"errorCode":110,"message":"The request requires user authentication","index":0}';
    await using keys = await startKeys({
      authorize: () => ({ status: 401, headers: { 'Content-Type': 'application/json' }, body }),
    });
    const { status, text } = await ask(`${keys.server.url}/v2/keys/secret`);
    assert.deepEqual([status, text], [401, body]);
  });
});
