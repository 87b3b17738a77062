// The watch service and a client made with grpc-go from the same watch.proto.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EventLog } from '../../src/push/log/event-log.js';
import { serveWatch, type Response } from '../support/grpc-watch.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { buildGoPrograms, startGo } from './support/go-programs.js';

const COUNT = 400;
const textOf = (n: number): string => `event ${n} ${'é'.repeat(n % 50)}`;

interface FollowLine {
  readonly created?: boolean;
  readonly data?: string;
  readonly type?: string;
  readonly revision?: number;
  readonly calls?: number;
}

/** A response in the JSON of protobuf, where bytes are base64; or how the call ended. */
type SessionLine = Partial<Response> & { readonly code?: number; readonly message?: string };

describe('the gRPC watch with grpc-go', { timeout: 120_000 }, () => {
  before(buildGoPrograms);

  for (const by of ['cursor', 'revision'] as const) {
    it(`resumes by ${by} over cut connections, with no loss and no repeat`, async () => {
      const log = new EventLog();
      // Small responses, so that each connection gets some through before its cut.
      await using server = await serveWatch(log, { responseBytes: 500 });
      let seed = 7;
      const cut = { direction: 'down' as const, after: () => (seed = (seed * 16_807) % 2_147_483_647) % 8_000 };
      await using proxy = await startTcpProxy({ target: server.address, cut });
      const client = startGo<FollowLine>('pushgrpc', ['follow', proxy.address, 'a', by, String(COUNT)]);
      await client.line(({ created }) => created === true);
      for (let n = 1; n <= COUNT; n++) {
        log.publish('a', textOf(n), { type: n % 3 === 0 ? 'third' : 'message' });
        log.publish('b', 'of another stream');
        if (n % 10 === 0) await delay(1);
      }
      const { lines, status, stderr } = await client.finished;
      assert.equal(status, 0, stderr);
      const events = lines.filter(({ data }) => data !== undefined);
      assert.deepEqual(
        events.map(({ data, type }) => [data, type]),
        Array.from({ length: COUNT }, (_, i) => [textOf(i + 1), (i + 1) % 3 === 0 ? 'third' : 'message']),
      );
      const calls = lines.at(-1)?.calls ?? 0;
      assert.ok(calls > 3 && proxy.cuts() > 3, `${calls} calls, ${proxy.cuts()} cuts`);
      log.close();
    });
  }

  it('creates, cancels, asks for progress, meets compaction and gaps', async () => {
    const log = new EventLog({ history: { events: 3, bytes: 1_000_000, age: 300_000 } });
    await using server = await serveWatch(log, { wildcards: true });
    const start = log.cursor('a');
    for (let n = 1; n <= 5; n++) log.publish('a', String(n));
    const client = startGo<SessionLine>('pushgrpc', ['session', server.address]);
    let read = 0;
    const next = async (): Promise<SessionLine> => {
      const index = read++;
      return await client.line((line) => client.lines.indexOf(line) === index);
    };
    const say = (request: object | 'close'): void => {
      client.process.stdin?.write(`${typeof request === 'string' ? request : JSON.stringify(request)}\n`);
    };
    const dataOf = ({ events = [] }: SessionLine): string[] =>
      events.map(({ data }) => Buffer.from(String(data), 'base64').toString());

    say({ create_request: { streams: ['a'], start_revision: 3, watch_id: 1 } });
    assert.deepEqual([(await next()).created, dataOf(await next())], [true, ['3', '4', '5']]);

    say({ create_request: { streams: ['a'], start_revision: 2, watch_id: 2 } });
    const [created, compacted] = [await next(), await next()];
    assert.deepEqual([created.created, created.canceled], [true, false]);
    assert.deepEqual([compacted.watch_id, compacted.canceled, compacted.compact_revision], ['2', true, '3']);

    say({ create_request: { streams: ['a*'], cursor: start, watch_id: 3 } });
    await next();
    let gap = await next();
    assert.deepEqual([gap.watch_id, gap.gap?.reason], ['3', 'expired']);
    if (dataOf(gap).length === 0) gap = await next();
    assert.deepEqual(dataOf(gap), ['3', '4', '5']);

    say({ create_request: { streams: ['a'], watch_id: 3 } });
    const duplicate = await next();
    assert.deepEqual([duplicate.watch_id, duplicate.created, duplicate.canceled], ['-1', true, true]);

    say({ cancel_request: { watch_id: 3 } });
    assert.deepEqual([(await next()).canceled, log.subscribers().length], [true, 1]);

    log.publish('a', '6');
    say({ progress_request: {} });
    assert.deepEqual(dataOf(await next()), ['6']);
    const progress = await next();
    assert.deepEqual([progress.watch_id, progress.header?.revision, progress.header?.run], ['-1', '6', log.origin]);

    say('close');
    log.publish('a', '7');
    assert.deepEqual(dataOf(await next()), ['7']);
    log.close();
    assert.deepEqual(await next(), { code: 14, message: 'the server is shutting down' });
    client.process.stdin?.end();
    assert.equal((await client.finished).status, 0);
  });
});
