import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  endInSlices,
  resolveDrainOptions,
  resolveSSEDrainOptions,
  type Ending,
} from '../../../../src/push/http/drain.js';
import { VirtualClock } from '../../../../src/testing/index.js';

/** Numbers in turn. */
function sequence(...values: readonly number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] ?? 0;
}

/** Clients that are there until they are ended. */
function staying<T>(clients: readonly T[], ended: T[]): Ending<T> {
  return { clients, remains: (client) => !ended.includes(client), end: (client) => void ended.push(client) };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('endInSlices', () => {
  it('ends each client at its random time, and settles behind the last', async () => {
    const clock = new VirtualClock();
    const ended: string[] = [];
    const random = sequence(0.9, 0.1, 0.5);
    let over = false;
    const ending = endInSlices(staying(['a', 'b', 'c'], ended), clock, {
      over: 1_000,
      random,
      signal: undefined,
    }).then(() => (over = true));
    await settle();
    assert.deepEqual(ended, []);
    clock.advance(100);
    await settle();
    assert.deepEqual(ended, ['b']);
    clock.advance(400);
    await settle();
    assert.deepEqual(ended, ['b', 'c']);
    assert.equal(over, false);
    clock.advance(400);
    await ending;
    assert.deepEqual(ended, ['b', 'c', 'a']);
    assert.equal(clock.pending, 0);
  });

  it('ends all at once without a time', async () => {
    const clock = new VirtualClock();
    const ended: number[] = [];
    const drain = resolveDrainOptions({});
    await endInSlices(staying([1, 2, 3], ended), clock, drain);
    assert.deepEqual(ended.toSorted(), [1, 2, 3]);
    assert.equal(clock.pending, 0);
  });

  it('settles at once without clients', async () => {
    await endInSlices(staying([], []), new VirtualClock(), resolveDrainOptions({ over: 1_000 }));
  });

  it('ends those that are left when the signal aborts', async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const ended: number[] = [];
    const drain = resolveDrainOptions({ over: 1_000, signal: stop.signal, random: sequence(0.2, 0.4, 0.6) });
    const ending = endInSlices(staying([1, 2, 3], ended), clock, drain);
    await settle();
    clock.advance(200);
    await settle();
    assert.deepEqual(ended, [1]);
    stop.abort();
    await ending;
    assert.deepEqual(ended, [1, 2, 3]);
    assert.equal(clock.pending, 0);
  });

  it('waits for none that have left of themselves', async () => {
    const clock = new VirtualClock();
    const there = new Set([1, 2, 3]);
    const ended: number[] = [];
    const drain = resolveDrainOptions({ over: 600_000, random: sequence(0, 0.5, 0.9) });
    const ending = {
      clients: there,
      remains: (one: number) => there.has(one),
      end: (one: number) => void ended.push(one),
    };
    const over = endInSlices(ending, clock, drain);
    await settle();
    assert.deepEqual(ended, [1]);
    there.clear();
    clock.advance(250);
    await over;
    assert.deepEqual(ended, [1]);
    assert.equal(clock.pending, 0);
  });

  it('asks the clock for few timers when there are many clients', async () => {
    const clock = new VirtualClock();
    let timers = 0;
    const counting = {
      now: () => clock.now(),
      setTimeout: (callback: () => void, milliseconds: number) => {
        timers += 1;
        return clock.setTimeout(callback, milliseconds);
      },
    };
    const ended: number[] = [];
    let random = 0;
    const drain = resolveDrainOptions({ over: 1_000, random: () => (random = (random + 0.6180339887) % 1) });
    const clients = Array.from({ length: 10_000 }, (_: unknown, client) => client);
    const ending = endInSlices(staying(clients, ended), counting, drain);
    for (let i = 0; i < 100; i++) {
      await settle();
      clock.advance(20);
    }
    await ending;
    assert.equal(ended.length, 10_000);
    assert.ok(timers <= 52, `${timers} timers`);
  });
});

describe('options of drain', () => {
  it('are refused when they are misspelt or out of range', () => {
    const wrong: readonly unknown[] = [{ ovr: 1 }, { over: -1 }, { over: '5' }, { random: 5 }];
    for (const options of wrong) {
      assert.throws(() => resolveDrainOptions(options as object), { code: 'ERR_INVALID_ARGUMENT' });
    }
    assert.throws(() => resolveDrainOptions({ retry: 5 } as object), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => resolveSSEDrainOptions({ retry: -5 }), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(resolveSSEDrainOptions({ retry: 5.7 }).retry, 5);
  });
});
