import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dialer, type Address } from '../../../../src/mesh/node/dialer.js';
import type { LinkTransport } from '../../../../src/mesh/link/transport.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handPair } from '../../../sim/hand-wire.js';

const A: Address = { host: '10.0.0.1', port: 7000, name: 'a' };
const B: Address = { host: '10.0.0.2', port: 7000, name: 'b' };

interface Attempt {
  readonly address: Address;
  readonly at: number;
  open(): LinkTransport;
  fail(): void;
  cancelled: boolean;
}

interface World {
  readonly clock: VirtualClock;
  readonly dialer: Dialer;
  readonly attempts: Attempt[];
  readonly linked: Set<string>;
  readonly opened: LinkTransport[];
  readonly failed: Address[];
}

function start(random = 0.5): World {
  const clock = new VirtualClock();
  const attempts: Attempt[] = [];
  const linked = new Set<string>();
  const opened: LinkTransport[] = [];
  const failed: Address[] = [];
  const dialer = new Dialer({
    clock,
    random: () => random,
    times: { spread: 100, retry: 100, maxRetry: 1_000 },
    dial: (address, outcome) => {
      const attempt: Attempt = {
        address,
        at: clock.now(),
        cancelled: false,
        open: () => {
          const [transport] = handPair();
          outcome.opened(transport);
          return transport;
        },
        fail: () => outcome.failed(new Error('refused')),
      };
      attempts.push(attempt);
      return {
        cancel: () => {
          attempt.cancelled = true;
        },
      };
    },
    linked: (origin, name) => linked.has(origin ?? '') || linked.has(name ?? ''),
    opened: (transport) => opened.push(transport),
    failed: (address) => failed.push(address),
  });
  return { clock, dialer, attempts, linked, opened, failed };
}

describe('Dialer', () => {
  it('dials new peers within the spread, each once at a time', () => {
    const { clock, dialer, attempts } = start();
    dialer.set([A, B]);
    assert.equal(attempts.length, 0);
    clock.advance(50);
    assert.deepEqual(
      attempts.map(({ address }) => address),
      [A, B],
    );
    clock.advance(60_000);
    dialer.check();
    assert.equal(attempts.length, 2, 'an attempt takes as long as it takes');
  });

  it('tries again later and later, up to the longest wait', () => {
    const { clock, dialer, attempts, failed } = start(1);
    dialer.set([A]);
    for (let i = 0; i < 8; i++) {
      while (attempts.length <= i) clock.advance(1);
      attempts[i]?.fail();
    }
    const waits = attempts.slice(1).map(({ at }, i) => at - (attempts[i]?.at ?? 0));
    assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
    assert.equal(failed.length, 8);
  });

  it('backs off from a peer whose links break at once, and forgives it after one that lasted', () => {
    const { clock, dialer, attempts, linked, opened } = start(1);
    dialer.set([A]);
    const waits: number[] = [];
    const meet = (lasts: number): void => {
      const count = attempts.length;
      const from = clock.now();
      dialer.check();
      while (attempts.length === count) clock.advance(1);
      waits.push(clock.now() - from);
      attempts.at(-1)?.open();
      dialer.met(A, 'AAAAAAAA', false);
      linked.add('AAAAAAAA');
      clock.advance(lasts);
      linked.clear();
    };
    for (const lasts of [0, 0, 0, 0, 5_000, 0, 0]) meet(lasts);
    assert.deepEqual(waits, [100, 100, 200, 400, 800, 0, 100]);
    assert.equal(opened.length, 7);
  });

  it('does not dial what is linked, by its run or its name, nor itself', () => {
    const { clock, dialer, attempts, linked } = start();
    linked.add('a');
    dialer.set([A, B]);
    clock.advance(1_000);
    assert.deepEqual(
      attempts.map(({ address }) => address),
      [B],
    );
    attempts[0]?.open();
    dialer.met(B, 'MYSELF00', true);
    clock.advance(60_000);
    assert.equal(attempts.length, 1);
    assert.deepEqual([dialer.size, dialer.unreachable], [1, 0]);
  });

  it('F7, F14: gives up who is gone, and dials whoever has got the address', () => {
    const { clock, dialer, attempts, linked } = start();
    dialer.set([A]);
    clock.advance(100);
    dialer.set([]);
    assert.equal(attempts[0]?.cancelled, true);
    const late = attempts[0]?.open();
    assert.ok(late !== undefined);
    clock.advance(60_000);
    assert.equal(attempts.length, 1);
    // The pod lives on at another address, and a stranger has got its old one.
    dialer.set([A]);
    linked.add('a');
    clock.advance(1_000);
    dialer.set([
      { ...A, name: 'stranger' },
      { ...A, host: '10.0.0.9' },
    ]);
    clock.advance(1_000);
    assert.deepEqual(
      attempts.slice(1).map(({ address }) => address.name),
      ['stranger'],
    );
  });

  it('knows whether all were tried: not before it was told, not after a loss; and whether one refuses', () => {
    const { clock, dialer, attempts, linked } = start();
    assert.equal(dialer.allTried, false, 'nobody was told of');
    dialer.set([]);
    assert.equal(dialer.allTried, true);
    dialer.set([A]);
    assert.equal(dialer.allTried, false);
    clock.advance(100);
    attempts[0]?.fail();
    assert.equal(dialer.allTried, true);
    clock.advance(1_000);
    attempts[1]?.open();
    dialer.met(A, 'AAAAAAAA', false);
    linked.add('AAAAAAAA');
    assert.equal(dialer.allTried, true);
    linked.clear();
    assert.equal(dialer.allTried, false, 'it may be there still');
    clock.advance(1_000);
    dialer.check();
    attempts[2]?.open();
    dialer.refused(A);
    assert.deepEqual([dialer.allTried, dialer.someRefused], [true, true], 'it is there, but does not go with this pod');
    dialer.fruitless(A);
    assert.deepEqual([dialer.allTried, dialer.someRefused], [true, false]);
  });

  it('ends', () => {
    const { clock, dialer, attempts } = start();
    dialer.set([A, B]);
    clock.advance(100);
    dialer.close();
    assert.ok(attempts.every(({ cancelled }) => cancelled));
    attempts[0]?.fail();
    dialer.set([A]);
    clock.advance(60_000);
    assert.equal(attempts.length, 2);
    assert.equal(clock.pending, 0);
  });
});
