import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deferred } from '../../../src/clock/deferred.js';
import type { CloseReason } from '../../../src/httpstream/index.js';
import { pauseBefore, resolveReconnect, type ReconnectSettings } from '../../../src/portforward/reconnect.js';
import { SessionKeeper } from '../../../src/portforward/session-keeper.js';
import type { ForwardSession } from '../../../src/portforward/session.js';
import { VirtualClock } from '../../../src/testing/index.js';

const LOST: CloseReason = { kind: 'lost', initiator: 'remote' };
const never = new AbortController().signal;

/** A session that only lives and dies. */
class FakeSession implements ForwardSession {
  readonly transport = 'spdy';
  readonly #closed = deferred<CloseReason>();

  get closed(): Promise<CloseReason> {
    return this.#closed.promise;
  }

  connect(): Promise<never> {
    return Promise.reject(new Error('unused'));
  }

  close(): Promise<void> {
    this.#closed.resolve({ kind: 'closed', initiator: 'local' });
    return Promise.resolve();
  }

  lose(): void {
    this.#closed.resolve(LOST);
  }
}

function settings(options: Parameters<typeof resolveReconnect>[0]): ReconnectSettings | undefined {
  return resolveReconnect(typeof options === 'object' ? { random: () => 1, ...options } : options);
}

/** A keeper whose dials succeed or fail as `outcomes` say; then they succeed. */
function keeper(options: Parameters<typeof resolveReconnect>[0], outcomes: readonly boolean[] = []) {
  const clock = new VirtualClock();
  const sessions: FakeSession[] = [];
  const events: string[] = [];
  let dials = 0;
  const kept = new SessionKeeper({
    dial: () => {
      if (outcomes[dials++] === false) return Promise.reject(new Error(`dial ${dials} failed`));
      const session = new FakeSession();
      sessions.push(session);
      return Promise.resolve(session);
    },
    clock,
    reconnect: settings(options),
    disconnected: (error) => events.push(error.message.replace(/^the connection .*: /, '')),
    reconnected: () => events.push('up'),
  });
  return { kept, clock, sessions, events, dials: () => dials };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('SessionKeeper', () => {
  it('ends with the first session when it is not to reconnect', async () => {
    const { kept, clock, sessions, events } = keeper(false);
    assert.equal(await kept.start(), sessions[0]);
    assert.equal(await kept.session(never), sessions[0]);
    sessions[0]?.lose();
    const { kind, error } = await kept.ended;
    assert.equal(kind, 'lost');
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_CONNECTION_LOST');
    await assert.rejects(kept.session(never), { code: 'ERR_CONNECTION_LOST' });
    assert.deepEqual(events, ['lost']);
    assert.equal(clock.pending, 0);
  });

  it('fails to start as the dial fails', async () => {
    const { kept } = keeper(true, [false]);
    await assert.rejects(kept.start(), /dial 1 failed/);
    await kept.end({ kind: 'closed' });
  });

  it('dials again after pauses that double, and again when the next one is lost', async () => {
    const { kept, clock, sessions, events, dials } = keeper({ initialDelay: 100, maxDelay: 250 }, [true, false, false]);
    await kept.start();
    sessions[0]?.lose();
    await settle();
    for (const pause of [100, 200, 250]) {
      const before = dials();
      clock.advance(pause - 1);
      await settle();
      assert.equal(dials(), before, `not before ${pause} ms`);
      clock.advance(1);
      await settle();
      assert.equal(dials(), before + 1);
    }
    assert.deepEqual(events, ['lost', 'dial 2 failed', 'dial 3 failed', 'up']);
    assert.equal(await kept.session(never), sessions[1]);
    // It did not last, so the pauses stay long.
    sessions[1]?.lose();
    await settle();
    clock.advance(249);
    await settle();
    assert.equal(dials(), 4);
    clock.advance(1);
    await settle();
    assert.equal(dials(), 5);
    // This one did.
    clock.advance(10_000);
    sessions[2]?.lose();
    await settle();
    clock.advance(100);
    await settle();
    assert.equal(dials(), 6);
    await kept.end({ kind: 'closed' });
    assert.equal(clock.pending, 0);
  });

  it('gives up after so many attempts', async () => {
    const { kept, clock, sessions } = keeper({ initialDelay: 10, maxAttempts: 2 }, [true, false, false]);
    await kept.start();
    sessions[0]?.lose();
    await settle();
    clock.advance(10);
    await settle();
    clock.advance(20);
    const { kind, error } = await kept.ended;
    assert.equal(kind, 'lost');
    assert.match(error?.message ?? '', /dial 3 failed/);
    assert.equal(clock.pending, 0);
  });

  it('lets those that ask meanwhile wait, but not longer than they are to', async () => {
    const { kept, clock, sessions } = keeper({ initialDelay: 100, waitTimeout: 50 });
    await kept.start();
    sessions[0]?.lose();
    await settle();
    const early = kept.session(never);
    early.catch(() => {});
    const abort = new AbortController();
    const given = kept.session(abort.signal);
    given.catch(() => {});
    abort.abort(new Error('no more'));
    await assert.rejects(given, /no more/);
    clock.advance(50);
    await assert.rejects(early, { code: 'ERR_TIMEOUT' });
    clock.advance(1);
    const late = kept.session(never);
    clock.advance(49);
    assert.equal(await late, sessions[1]);
    await kept.end({ kind: 'closed' });
    assert.equal(clock.pending, 0);
  });

  it('or refuses them', async () => {
    const { kept, sessions } = keeper({ meanwhile: 'refuse' });
    await kept.start();
    sessions[0]?.lose();
    await settle();
    await assert.rejects(kept.session(never), { code: 'ERR_CONNECTION_LOST' });
    await kept.end({ kind: 'closed' });
  });

  it('can be ended at any time, once, and those that wait are told', async () => {
    const { kept, clock, sessions, dials } = keeper(true);
    await kept.start();
    sessions[0]?.lose();
    await settle();
    const waiting = kept.session(never);
    waiting.catch(() => {});
    await kept.end({ kind: 'aborted', error: new Error('enough') });
    await kept.end({ kind: 'closed' });
    await assert.rejects(waiting, /enough/);
    assert.equal((await kept.ended).kind, 'aborted');
    clock.advance(60_000);
    await settle();
    assert.equal(dials(), 1);
    assert.equal(clock.pending, 0);
  });
});

describe('pauses', () => {
  it('are spread over their upper half', () => {
    const at = (random: number): number =>
      pauseBefore(3, settings({ initialDelay: 100, random: () => random }) as ReconnectSettings);
    assert.deepEqual([at(0), at(0.5), at(1)], [200, 300, 400]);
  });

  it('stay bounded however many there were', () => {
    assert.equal(pauseBefore(10_000, settings({ maxDelay: 7_000 }) as ReconnectSettings), 7_000);
  });

  for (const options of [
    { initialDelay: -1 },
    { maxDelay: Number.NaN },
    { maxAttempts: 0 },
    { maxAttempts: 1.5 },
    { waitTimeout: Infinity },
  ]) {
    it(`refuses ${Object.keys(options).join()} ${String(Object.values(options)[0])}`, () => {
      assert.throws(() => resolveReconnect(options), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
});
