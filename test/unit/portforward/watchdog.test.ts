import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Watchdog } from '../../../src/portforward/watchdog.js';
import { VirtualClock } from '../../../src/testing/index.js';

/** A watchdog of 60 s that looks every 10 s; answers and progress as the test says. */
function watch(answers: () => Promise<unknown>) {
  const clock = new VirtualClock();
  const state = { progress: 0, pings: 0, dead: 0 };
  const watchdog = new Watchdog(clock, 60_000, {
    ping: () => {
      state.pings++;
      return answers();
    },
    progress: () => state.progress,
    dead: (milliseconds) => (state.dead = milliseconds),
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 10) {
      clock.advance(10_000);
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { clock, state, watchdog, pass };
}

const silence = (): Promise<never> => new Promise(() => {});

it('answers keep it quiet', async () => {
  const { state, watchdog, pass, clock } = watch(() => Promise.resolve());
  await pass(600);
  assert.equal(state.dead, 0);
  assert.equal(state.pings, 60);
  watchdog.stop();
  assert.equal(clock.pending, 0);
});

it('bytes keep it quiet when answers are long in coming, and only one is waited for', async () => {
  const { state, watchdog, pass } = watch(silence);
  for (let minute = 0; minute < 10; minute++) {
    await pass(50);
    state.progress++;
  }
  assert.equal(state.dead, 0);
  assert.equal(state.pings, 1);
  watchdog.stop();
});

it('silence for the whole timeout is death', async () => {
  const { state, pass, clock } = watch(silence);
  await pass(60);
  assert.equal(state.dead, 0);
  await pass(10);
  assert.equal(state.dead, 60_000);
  assert.equal(clock.pending, 0);
});

it('pings that cannot be sent are no answers', async () => {
  const { state, pass } = watch(() => Promise.reject(new Error('closed')));
  await pass(70);
  assert.equal(state.dead, 60_000);
});
