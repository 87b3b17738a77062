// Rows 1 and 2: work that a client can begin and drop for next to nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AttackedWatch } from './push-grpc-support.js';

const MANY = 5_000;

describe('security: rapid creation and cancellation of watches', { timeout: 30_000 }, () => {
  it('ends the call once its requests are spent; the neighbour is served', async () => {
    await using attacked = await AttackedWatch.start({ requestBurst: 100, requestsPerSecond: 1 });
    const neighbour = await attacked.neighbour('n');
    const { create, cancel, ended, responses } = attacked.client().watch();
    for (let id = 1; id <= MANY; id++) {
      create({ streams: ['a'], watch_id: id });
      cancel(String(id));
    }
    const error = await ended;
    assert.deepEqual([error?.code, error?.details], [8, 'the call sends too many requests']);
    const made = responses.all.filter(({ created }) => created).length;
    assert.ok(made > 0 && made <= 51, `${made} watches were made`);
    assert.equal(attacked.log.subscribers().length, 1);
    await attacked.stillServes(neighbour, 'n');
  });

  it('counts what is refused, and what is nothing', async () => {
    await using attacked = await AttackedWatch.start({ requestBurst: 20, requestsPerSecond: 1 });
    const attacks: ((call: ReturnType<ReturnType<AttackedWatch['client']>['watch']>) => void)[] = [
      ({ create }) => create({ streams: ['a'], cursor: '!' }),
      ({ cancel }) => cancel('5'),
      ({ progress }) => progress(),
      ({ call }) => void call.write({}),
    ];
    for (const attack of attacks) {
      const call = attacked.client().watch();
      for (let i = 0; i < 100; i++) attack(call);
      assert.equal((await call.ended)?.code, 8);
      assert.ok(call.responses.all.length <= 20);
    }
  });

  it('bounds the calls of a connection', async () => {
    await using attacked = await AttackedWatch.start({ maxCallsPerConnection: 2 });
    const client = attacked.client();
    const calls = [client.watch(), client.watch()];
    for (const { create, responses } of calls) {
      create({ streams: ['a'] });
      await responses.next();
    }
    const third = client.watch();
    third.create({ streams: ['a'] });
    assert.equal((await third.ended)?.code, 8);
    // Others are not concerned.
    await attacked.stillServes(await attacked.neighbour('n'), 'n');
    calls[0]?.call.cancel();
    await calls[0]?.ended;
    for (let free = false; !free;) {
      const next = client.watch();
      next.create({ streams: ['a'] });
      free = await Promise.race([next.responses.next().then(({ created }) => created), next.ended.then(() => false)]);
    }
  });

  it('bounds the watches of a call and the calls of a server', async () => {
    await using attacked = await AttackedWatch.start({ maxWatches: 3, maxCalls: 2 });
    const call = attacked.client().watch();
    for (let i = 0; i < 5; i++) call.create({ streams: [`s${i}`] });
    for (let i = 0; i < 5; i++) await call.responses.next();
    assert.equal(call.responses.all.filter(({ canceled }) => canceled).length, 2);
    assert.equal(attacked.log.subscribers().length, 3);
    const second = await attacked.neighbour('n');
    const third = attacked.client().watch();
    third.create({ streams: ['a'] });
    const error = await third.ended;
    assert.deepEqual([error?.code, error?.details], [8, 'the server has too many watch calls']);
    second.call.cancel();
    await second.ended;
    // Its place is free once the server has heard of it.
    for (let free = false; !free;) {
      const next = attacked.client().watch();
      next.create({ streams: ['a'] });
      free = await Promise.race([next.responses.next().then(({ created }) => created), next.ended.then(() => false)]);
    }
  });
});
