// The long-poll handler, followed by a loop around curl in the manner of etcd v2 and by the watcher of etcd's own v2 client,
// while connections are cut.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLog, type EventLogOptions, longPollHandler } from '../../src/push/index.js';
import { serve, type EventServer } from '../support/push-json.js';
import { buildEtcdWatcher, runEtcdWatcher, type WatcherLine } from './support/etcd-watcher.js';
import { ensureProgram } from './support/debian.js';

const COUNT = 120;

/** Follows a key from an index on, as etcd's documentation has it: each answer says from where to wait next. */
const CURL_LOOP = `
seen=0
index=$2
while [ "$seen" -lt "$3" ]; do
  answer=$(curl -sS --max-time 10 "$1?wait=true&waitIndex=$index" 2>/dev/null) || { echo "cut"; continue; }
  case "$answer" in
  *'"errorCode":401,'*)
    index=$(printf '%s' "$answer" | sed 's/.*"index":\\([0-9]*\\).*/\\1/')
    echo "error 401 $index"
    index=$((index + 1)) ;;
  *'"modifiedIndex":'*)
    printf '%s\\n' "$answer" | sed 's/.*"value":"\\([^"]*\\)".*/value \\1/'
    index=$(printf '%s' "$answer" | sed 's/.*"modifiedIndex":\\([0-9]*\\).*/\\1/')
    index=$((index + 1))
    seen=$((seen + 1)) ;;
  *) [ -z "$answer" ] || { echo "unexpected: $answer"; exit 1; } ;;
  esac
done
`;

async function curlLoop(
  url: string,
  index: number,
  count: number,
  onLine: (line: string) => void = () => {},
): Promise<string[]> {
  const child = spawn('sh', ['-c', CURL_LOOP, 'loop', url, String(index), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    onLine(line);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  assert.equal(status, 0, lines.slice(-3).join('\n'));
  return lines;
}

interface Keys extends AsyncDisposable {
  readonly log: EventLog;
  readonly server: EventServer;
  readonly url: string;
}

/** @param cuts Whether the server cuts one connection of three: before the answer, or when its head has been sent. */
async function startKeys(options: EventLogOptions = {}, cuts = false): Promise<Keys> {
  const log = new EventLog(options);
  const handler = longPollHandler(log);
  let requests = 0;
  const server = await serve((req, res) => {
    requests += 1;
    if (cuts && requests % 6 === 3) {
      req.socket.destroy();
      return;
    }
    handler(req, res);
    if (cuts && requests % 6 === 0) setTimeout(() => req.socket.destroy(), 3);
  });
  return {
    log,
    server,
    url: `${server.url}/v2/keys`,
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Publishes on two streams, at uneven times: before, between and during the requests. */
async function publishAll({ log }: Keys, stream: string): Promise<void> {
  for (let n = 1; n <= COUNT; n++) {
    log.publish('others', 'x');
    log.publish(stream, `v${n}`);
    if (n % 5 === 0) await sleep(n % 3 === 0 ? 60 : 10);
  }
}

const values = Array.from({ length: COUNT }, (_, i) => `v${i + 1}`);

describe('a loop around curl', { timeout: 120_000 }, () => {
  before(() => ensureProgram('/usr/bin/curl', 'curl'));

  it('sees every event once, though connections are cut', async () => {
    await using keys = await startKeys({}, true);
    const [lines] = await Promise.all([curlLoop(`${keys.url}/orders`, 1, COUNT), publishAll(keys, 'orders')]);
    assert.deepEqual(
      lines.filter((line) => line !== 'cut'),
      values.map((value) => `value ${value}`),
    );
    assert.ok(lines.filter((line) => line === 'cut').length > 10, 'connections were not cut');
  });

  it('is told when it asks for what is gone, and goes on from the index of that answer', async () => {
    await using keys = await startKeys({ history: { events: 10 } });
    const { log, url } = keys;
    for (let n = 1; n <= 30; n++) log.publish('orders', `old ${n}`);
    const lines = await curlLoop(`${url}/orders`, 3, 2, (line) => {
      if (line.startsWith('error')) for (const value of ['one', 'two']) log.publish('orders', value);
    });
    assert.deepEqual(lines, ['error 401 30', 'value one', 'value two']);
  });

  it('notices a restart of the server', async () => {
    await using old = await startKeys();
    for (let n = 1; n <= 30; n++) old.log.publish('orders', `old ${n}`);
    await using fresh = await startKeys();
    fresh.log.publish('orders', 'missed');
    // The index that the old run has told, and asked for at the new one.
    const lines = await curlLoop(`${fresh.url}/orders`, 31, 1, (line) => {
      if (line.startsWith('error')) fresh.log.publish('orders', 'new');
    });
    assert.deepEqual(lines, ['error 401 1', 'value new']);
  });
});

describe("the watcher of etcd's v2 client for Go", { timeout: 240_000 }, () => {
  let keys: Keys;
  before(async () => {
    buildEtcdWatcher();
    keys = await startKeys();
  });
  after(async () => {
    await keys[Symbol.asyncDispose]();
  });
  const eventsOf = (lines: readonly WatcherLine[]): readonly WatcherLine[] =>
    lines.filter(({ modified }) => modified !== undefined);

  it('sees every event once, though connections are cut', async () => {
    await using cutting = await startKeys({}, true);
    const { log, server } = cutting;
    log.publish('orders/eu', 'v0');
    const args = ['-url', server.url, '-key', '/orders/eu', '-after', '1', '-count', String(COUNT)];
    const [lines] = await Promise.all([runEtcdWatcher(args), publishAll(cutting, 'orders/eu')]);
    assert.deepEqual(
      eventsOf(lines).map(({ action, key: name, value }) => [action, name, value]),
      values.map((value) => ['set', '/orders/eu', value]),
    );
    // Some of the cuts its HTTP client repairs by itself.
    assert.ok(server.requests.length > COUNT + 10, 'connections were not cut');
    assert.ok(
      eventsOf(lines).every(({ cluster, modified, created }) => cluster === log.origin && modified === created),
    );
  });

  it('follows recursively what it got first', async () => {
    const { log, server } = keys;
    log.publish('shop/a', '1');
    log.publish('shop/b', '2');
    const lines = await runEtcdWatcher(
      ['-url', server.url, '-key', '/shop', '-recursive', '-get', '-count', '3'],
      (line) => {
        if (line.key !== '/shop/b' || line.action !== undefined) return;
        for (const stream of ['shop/a', 'shopping', 'shop/c/d', 'shop/b']) log.publish(stream, `new ${stream}`);
      },
    );
    assert.deepEqual(
      lines.map(({ action, key, value }) => [action, key, value]),
      [
        ['get', '/shop', undefined],
        [undefined, '/shop/a', '1'],
        [undefined, '/shop/b', '2'],
        ['set', '/shop/a', 'new shop/a'],
        ['set', '/shop/c/d', 'new shop/c/d'],
        ['set', '/shop/b', 'new shop/b'],
        ['done', undefined, undefined],
      ],
    );
  });

  it('is told when it asks for what is gone', async () => {
    await using small = await startKeys({ history: { events: 10 } });
    const { log, server } = small;
    for (let n = 1; n <= 30; n++) log.publish('orders', `old ${n}`);
    const args = ['-url', server.url, '-key', '/orders', '-after', '2', '-count', '1'];
    const lines = await runEtcdWatcher(args, ({ errorCode }) => {
      if (errorCode !== undefined) log.publish('orders', 'new');
    });
    assert.deepEqual(lines.map(({ errorCode, cause, index, value }) => [errorCode, cause, index, value]).slice(0, 2), [
      [401, 'the requested history has been cleared [21/3]', 30, undefined],
      [undefined, undefined, lines[1]?.index, 'new'],
    ]);
  });

  it('asks again when the server ends the wait', async () => {
    const log = new EventLog();
    const handler = longPollHandler(log, { timeout: 20 });
    await using server = await serve((req, res) => handler(req, res));
    const running = runEtcdWatcher(['-url', server.url, '-key', '/orders', '-after', '0', '-count', '1']);
    while (server.requests.length < 4) await sleep(5);
    log.publish('orders', 'at last');
    log.publish('orders', 'too late');
    const lines = await running;
    assert.equal(lines.at(-1)?.failures, undefined);
    assert.ok(['at last', 'too late'].includes(lines[0]?.value ?? ''));
    log.close();
  });
});
