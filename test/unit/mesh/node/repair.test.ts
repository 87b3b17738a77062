import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inbox } from '../../../../src/mesh/node/inbox.js';
import { Repair } from '../../../../src/mesh/node/repair.js';
import type { FetchMessage, Positions, WireEvent } from '../../../../src/mesh/protocol/messages.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handLink, type HandLink } from '../../../sim/hand-link.js';

const X = 'XXXXXXXX';
const B = 'BBBBBBBB';
const C = 'CCCCCCCC';

interface World {
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly inbox: Inbox;
  readonly repair: Repair;
  readonly links: Set<HandLink>;
  readonly state: { unreachable: boolean };
  readonly lost: (readonly [after: number, through: number])[];
  add(origin: string, have: Positions): HandLink;
  asked(from: HandLink): Extract<FetchMessage, { readonly kind: 'fetch' }>[];
  answer(from: HandLink, id: number, numbers: readonly number[], through: number): void;
}

function event(n: number): WireEvent {
  return { n, stream: 'a', type: 'message', data: '', key: undefined, age: 0 };
}

function start(): World {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, schedule: () => {} });
  const inbox = new Inbox(log);
  const links = new Set<HandLink>();
  const state = { unreachable: false };
  const lost: (readonly [number, number])[] = [];
  const repair = new Repair({
    log,
    inbox,
    times: { directDelay: 300, answerTimeout: 1_000, lossTimeout: 3_000 },
    random: () => 0,
    *links() {
      for (const { link } of links) yield link;
    },
    someUnreachable: () => state.unreachable,
    moved: () => {},
    lost: (_origin, after, through) => void lost.push([after, through]),
  });
  const add = (origin: string, have: Positions): HandLink => {
    const made = handLink(clock, { origin, name: origin, have });
    made.sent();
    links.add(made);
    return made;
  };
  const asked = (from: HandLink): Extract<FetchMessage, { readonly kind: 'fetch' }>[] =>
    from.sent().flatMap((message) => (message.kind === 'fetch' ? [message] : []));
  const answer = (from: HandLink, id: number, numbers: readonly number[], through: number): void =>
    repair.found(from.link, { kind: 'found', id, events: numbers.map(event), through });
  return { clock, log, inbox, repair, links, state, lost, add, asked, answer };
}

describe('Repair', () => {
  it('asks who has what is lacking, one at a time, and goes on until all is there', () => {
    const { repair, log, add, asked, answer } = start();
    const b = add(B, [[X, 3]]);
    const c = add(C, [[X, 2]]);
    repair.check();
    const [first] = asked(b);
    assert.deepEqual([first?.origin, first?.after, first?.through], [X, 0, 3]);
    assert.deepEqual(asked(c), []);
    answer(b, first?.id ?? 0, [1, 2], 2);
    assert.equal(log.haveOf(X), 2);
    const [second] = asked(b);
    assert.equal(second?.after, 2);
    answer(b, second?.id ?? 0, [3], 3);
    assert.deepEqual([log.haveOf(X), repair.size], [3, 0]);
  });

  it('leaves an origin that is linked the time to send its events itself', () => {
    const { repair, add, asked, clock } = start();
    const x = add(X, [[X, 1]]);
    repair.check();
    clock.advance(299);
    assert.deepEqual(asked(x), []);
    clock.advance(1);
    assert.equal(asked(x).length, 1);
  });

  it('takes what nobody holds for lost, as far as all have said so, and no farther', () => {
    const { repair, log, add, asked, answer, clock, lost } = start();
    const b = add(B, [[X, 9]]);
    const c = add(C, [[X, 5]]);
    repair.check();
    answer(b, asked(b)[0]?.id ?? 0, [8], 9);
    answer(c, asked(c)[0]?.id ?? 0, [], 5);
    assert.deepEqual(lost, [], 'others may have got it just now');
    clock.advance(300);
    assert.deepEqual(lost, [[0, 5]]);
    answer(b, asked(b)[0]?.id ?? 0, [8, 9], 9);
    clock.advance(300);
    assert.deepEqual(lost, [
      [0, 5],
      [5, 7],
    ]);
    assert.deepEqual([log.haveOf(X), log.history('a').map(({ n }) => n)], [9, [8, 9]]);
  });

  it('waits for who is slow to answer, and for who cannot be reached, but not for ever', () => {
    const { repair, inbox, add, asked, answer, clock, lost, state, log } = start();
    const b = add(B, [[X, 1]]);
    repair.check();
    const [question] = asked(b);
    clock.advance(2_900);
    assert.deepEqual([lost.length, asked(b).length], [0, 0], 'it is not asked again and again');
    answer(b, question?.id ?? 0, [1], 1);
    assert.equal(log.haveOf(X), 1, 'late answers are welcome');
    state.unreachable = true;
    inbox.take(X, [event(3)]);
    repair.check();
    clock.advance(2_999);
    assert.deepEqual(lost, [], 'nobody within reach has ever had it');
    clock.advance(1);
    assert.deepEqual(lost, [[1, 2]]);
  });

  it('waits for nobody out of reach where others have had it and let go of it, stretch by stretch', () => {
    const { repair, add, asked, answer, clock, lost, state, log } = start();
    const b = add(B, [[X, 100]]);
    state.unreachable = true;
    repair.check();
    clock.advance(300);
    // What a busy stream has let go of lies in stretches between what a quiet one still has.
    for (let n = 10; n <= 100; n += 10) {
      const [question] = asked(b);
      answer(b, question?.id ?? 0, [n], 100);
      clock.advance(0);
    }
    assert.equal(log.haveOf(X), 100);
    assert.deepEqual(lost.slice(0, 2), [
      [0, 9],
      [10, 19],
    ]);
    assert.equal(lost.length, 10);
  });

  it('turns to the next when one goes', () => {
    const { repair, add, asked, links } = start();
    const b = add(B, [[X, 1]]);
    const c = add(C, [[X, 1]]);
    repair.check();
    assert.equal(asked(b).length, 1);
    b.link.close('gone');
    links.delete(b);
    repair.check();
    assert.equal(asked(c).length, 1);
  });

  it('frees what is held back though nobody tells of its origin any more', () => {
    const { repair, inbox, clock, lost, log } = start();
    inbox.take(X, [event(3), event(4)]);
    repair.check();
    clock.advance(300);
    assert.deepEqual(lost, [[0, 2]]);
    assert.deepEqual([log.haveOf(X), inbox.size, repair.size], [4, 0, 0]);
  });

  it('follows no answer that nobody asked for', () => {
    const { repair, add, asked, answer, log } = start();
    const b = add(B, [[X, 2]]);
    repair.check();
    const [question] = asked(b);
    answer(b, (question?.id ?? 0) + 1, [1, 2], 2);
    answer(add(C, []), question?.id ?? 0, [1, 2], 2);
    assert.equal(log.haveOf(X), 0);
  });
});
