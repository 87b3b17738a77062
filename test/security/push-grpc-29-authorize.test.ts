// Row 29: nothing is done for a caller before it may be.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../src/clock/deferred.js';
import type { WatchAuthorizeResult } from '../../src/push/grpc/index.js';
import { AttackedWatch } from './push-grpc-support.js';

describe('security: who may watch', { timeout: 20_000 }, () => {
  it('is asked for each watch with its streams and the metadata, before it is followed', async () => {
    const asked: [string, readonly string[], number][] = [];
    let followers = (): number => 0;
    await using attacked = await AttackedWatch.start({
      authorize: (caller, streams) => {
        const [token] = caller.metadata.get('authorization');
        asked.push([String(token), streams, followers()]);
        assert.match(caller.getPeer(), /^127\.0\.0\.1:\d+$/);
        return streams.every((name) => name.startsWith('public')) ? { peer: 'ann' } : false;
      },
    });
    followers = () => attacked.log.subscribers().length;
    const { create, responses } = attacked.client().watch({ authorization: 'Bearer ann' });
    create({ streams: ['secret'], start_revision: 1 });
    const refused = await responses.next();
    assert.deepEqual([refused.watch_id, refused.created, refused.canceled], ['-1', true, true]);
    assert.equal(refused.cancel_reason, 'permission denied');
    create({ streams: ['public.b', 'public.a'] });
    const { created, canceled } = await responses.next();
    assert.deepEqual([created, canceled], [true, false]);
    assert.deepEqual(asked, [
      ['Bearer ann', ['secret'], 0],
      ['Bearer ann', ['public.a', 'public.b'], 0],
    ]);
    assert.deepEqual(
      attacked.log.subscribers().map(({ peer, transport }) => [peer, transport]),
      [['ann', 'grpc']],
    );
  });

  it('can end the call with a status', async () => {
    await using attacked = await AttackedWatch.start({ authorize: () => ({ code: 16, details: 'no token' }) });
    const { create, ended } = attacked.client().watch();
    create({ streams: ['a'] });
    const error = await ended;
    assert.deepEqual([error?.code, error?.details], [16, 'no token']);
  });

  it('is INTERNAL when the hook fails, is logged, and tells nothing', async () => {
    const logged: object[] = [];
    const ignore = (): void => {};
    const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => void logged.push(fields) };
    const failures: (() => WatchAuthorizeResult | Promise<WatchAuthorizeResult>)[] = [
      () => {
        throw new Error('secret detail');
      },
      () => Promise.reject(new Error('secret detail')),
      () => JSON.parse('null') as WatchAuthorizeResult,
    ];
    for (const authorize of failures) {
      await using attacked = await AttackedWatch.start({ authorize, logger });
      const { create, ended } = attacked.client().watch();
      create({ streams: ['a'] });
      const error = await ended;
      assert.equal(error?.code, 13);
      assert.doesNotMatch(error.details, /secret/);
      assert.deepEqual(attacked.log.subscribers(), []);
    }
    assert.equal(logged.length, failures.length);
  });

  it('holds back what else the caller sends, and follows nothing for one that has gone', async () => {
    const asked = deferred<void>();
    const verdict = deferred<boolean>();
    let times = 0;
    await using attacked = await AttackedWatch.start({
      authorize: () => {
        times++;
        asked.resolve();
        return verdict.promise;
      },
    });
    const { call, create, ended } = attacked.client().watch();
    for (let i = 0; i < 50; i++) create({ streams: ['a'] });
    await asked.promise;
    const neighbour = attacked.client().watch();
    neighbour.progress();
    await neighbour.responses.next();
    assert.equal(times, 1);
    call.cancel();
    await ended;
    neighbour.progress();
    await neighbour.responses.next();
    verdict.resolve(true);
    neighbour.progress();
    await neighbour.responses.next();
    assert.equal(times, 1);
    assert.deepEqual(attacked.log.subscribers(), []);
  });
});
