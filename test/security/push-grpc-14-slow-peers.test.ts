// Rows 14 and 28: callers that do nothing, and callers that do not read.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '../../src/testing/index.js';
import { AttackedWatch } from './push-grpc-support.js';

const HISTORY = { events: 100_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };

describe('security: slow callers of the gRPC watch', { timeout: 30_000 }, () => {
  it('that create no watch in time are sent away', async () => {
    const clock = new VirtualClock();
    await using attacked = await AttackedWatch.start({ createTimeout: 5_000 }, { clock });
    const idle = attacked.client().watch();
    // Requests that create nothing do not count.
    idle.progress();
    await idle.responses.next();
    clock.advance(4_999);
    idle.progress();
    await idle.responses.next();
    clock.advance(1);
    assert.equal((await idle.ended)?.code, 4);
    assert.equal(clock.pending, 0);
  });

  it('that do not read are reset, with the reason stalled, and cost the others nothing', async () => {
    const clock = new VirtualClock();
    await using attacked = await AttackedWatch.start({ writeTimeout: 10_000 }, { clock, history: HISTORY });
    const { log } = attacked;
    const neighbour = await attacked.neighbour('big');
    const stalled = attacked.client().watch();
    stalled.create({ streams: ['big'], watch_id: 66 });
    await stalled.responses.find(({ created }) => created);
    stalled.call.pause();
    const big = 'x'.repeat(64 * 1024);
    const COUNT = 64;
    for (let i = 0; i < COUNT; i++) log.publish('big', big);
    let seen = 0;
    while (seen < COUNT) seen += (await neighbour.responses.next()).events.length;
    const lag = (): number => Math.max(0, ...log.subscribers().map((one) => one.lag));
    // What it holds up is in the log that all share, not in a queue of its own.
    assert.ok(lag() > COUNT / 2, `${lag()} events are due to it`);
    const before = log.stats();
    while (log.subscribers().length > 1) {
      clock.advance(10_000);
      await turn();
    }
    assert.ok(JSON.stringify(log.stats()).includes('stalled'), JSON.stringify(before));
    stalled.call.resume();
    // RESOURCE_EXHAUSTED: ENHANCE_YOUR_CALM on the wire.
    assert.equal((await stalled.ended)?.code, 8);
    await attacked.stillServes(neighbour, 'big');
  });

  it('that end with answers unread are reset too', async () => {
    const clock = new VirtualClock();
    await using attacked = await AttackedWatch.start({ writeTimeout: 10_000 }, { clock, history: HISTORY });
    const stalled = attacked.client().watch();
    stalled.create({ streams: ['big'] });
    await stalled.responses.find(({ created }) => created);
    stalled.call.pause();
    for (let i = 0; i < 64; i++) attacked.log.publish('big', 'x'.repeat(64 * 1024));
    for (let i = 0; i < 100; i++) await turn();
    // The status waits behind what is unread.
    attacked.log.close();
    for (let i = 0; i < 100; i++) await turn();
    clock.advance(10_000);
    stalled.call.resume();
    assert.equal((await stalled.ended)?.code, 8);
    assert.equal(clock.pending, 0);
  });
});
