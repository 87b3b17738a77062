import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Link } from '../../../../src/mesh/link/link.js';
import { Join } from '../../../../src/mesh/node/join.js';
import type { PodState, Positions } from '../../../../src/mesh/protocol/messages.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handLink, type HandLink } from '../../../sim/hand-link.js';

interface World {
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly join: Join;
  readonly links: Map<Link, HandLink>;
  readonly state: { allTried: boolean; copied: number; ready: number };
  add(origin: string, state: PodState, have?: Positions): HandLink;
  /** Who was asked for a copy since the last time, and under which id. */
  asked(): { readonly from: HandLink; readonly id: number }[];
  part(from: HandLink, id: number, last: boolean, have?: Positions): void;
}

function start(): World {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, schedule: () => {} });
  const links = new Map<Link, HandLink>();
  const state = { allTried: true, copied: 0, ready: 0 };
  const join = new Join({
    log,
    times: { partTimeout: 1_000, aloneAfter: 2_000 },
    random: () => 0,
    links: () => links.keys(),
    allTried: () => state.allTried,
    copied: () => void (state.copied += 1),
    ready: () => void (state.ready += 1),
  });
  const add = (origin: string, podState: PodState, have: Positions = []): HandLink => {
    const made = handLink(clock, { origin, name: origin, state: podState, have });
    made.sent();
    links.set(made.link, made);
    return made;
  };
  const asked = (): { readonly from: HandLink; readonly id: number }[] =>
    [...links.values()].flatMap((from) =>
      from.sent().flatMap((message) => (message.kind === 'copy' ? [{ from, id: message.id }] : [])),
    );
  const part = (from: HandLink, id: number, last: boolean, have: Positions = []): void =>
    join.part(from.link, { kind: 'part', id, streams: [], events: [], have, last });
  return { clock, log, join, links, state, add, asked, part };
}

const B = 'BBBBBBBB';
const C = 'CCCCCCCC';

describe('Join', () => {
  it('is ready alone after a while, once every peer was tried', () => {
    const { clock, join, state } = start();
    state.allTried = false;
    join.check();
    clock.advance(10_000);
    assert.equal(state.ready, 0);
    state.allTried = true;
    clock.advance(1_000);
    assert.deepEqual([state.copied, state.ready], [1, 1]);
    assert.equal(clock.pending, 0);
  });

  it('copies from a ready pod rather than from one that leaves, and never from one that joins', () => {
    const { join, add, asked } = start();
    add('JJJJJJJJ', 'joining');
    add(B, 'draining');
    const ready = add(C, 'ready');
    join.check();
    assert.deepEqual(
      asked().map(({ from }) => from),
      [ready],
    );
    join.check();
    assert.deepEqual(asked(), [], 'one at a time');
  });

  it('is ready with the copy and what the others had beyond it then', () => {
    const { join, add, asked, part, state, log } = start();
    const b = add(B, 'ready', [[B, 5]]);
    add(C, 'ready', [[C, 2]]);
    join.check();
    const [question] = asked();
    part(b, (question?.id ?? 0) + 1, true, [[B, 9]]);
    assert.equal(log.haveOf(B), 0, 'an answer to anything else is none');
    part(b, question?.id ?? 0, false);
    assert.equal(join.hasCopy, false);
    part(b, question?.id ?? 0, true, [[B, 5]]);
    assert.deepEqual([join.hasCopy, state.copied, state.ready], [true, 1, 0]);
    log.appendLoss(C, 2);
    join.check();
    assert.equal(state.ready, 1);
  });

  it('counts a link that comes later in, and waits for no pod that is gone with what it had', () => {
    const { join, add, asked, part, state, links } = start();
    const b = add(B, 'ready');
    state.allTried = false;
    join.check();
    part(b, asked()[0]?.id ?? 0, true);
    assert.equal(state.ready, 0, 'others may be there');
    const c = add(C, 'ready', [[C, 7]]);
    join.met(c.link);
    state.allTried = true;
    join.check();
    assert.equal(state.ready, 0);
    links.delete(c.link);
    join.check();
    assert.equal(state.ready, 1);
  });

  it('asks another pod when one is too slow or goes, and all again with more patience', () => {
    const { join, add, asked, clock, state, part } = start();
    const b = add(B, 'ready');
    const c = add(C, 'ready');
    join.check();
    const order: HandLink[] = [];
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const [question] = asked();
      assert.ok(question !== undefined, `question ${i}`);
      order.push(question.from);
      const from = clock.now();
      // Links end of themselves without pings; they are kept up by whatever comes.
      while (times.length === i) {
        assert.ok(clock.now() - from < 60_000, `question ${i + 1} is never asked`);
        clock.advance(100);
        for (const each of [b, c]) each.say('control', { kind: 'ping', id: 1 });
        const next = [b, c].some(({ far }) => far.inbox.some((message) => message?.lane === 'fetch'));
        if (next) times.push(clock.now() - from);
      }
    }
    assert.deepEqual(order, [b, c, b, c, b, c]);
    assert.deepEqual(times, [1_000, 1_000, 2_000, 2_000, 4_000, 4_000]);
    const [question] = asked();
    part(question?.from ?? b, question?.id ?? 0, true);
    assert.equal(state.ready, 1);
    join.close();
  });
});
