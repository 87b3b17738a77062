import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Laggards } from '../../../../src/mesh/node/laggards.js';
import type { Link } from '../../../../src/mesh/link/link.js';
import type { MeshMessage, Positions } from '../../../../src/mesh/protocol/messages.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handLink, type HandLink } from '../../../sim/hand-link.js';

const OWN = 'AAAAAAAA';
const QUIET = 'QQQQQQQQ';
const AGE = 10_000;

interface World {
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly links: Link[];
  readonly laggards: Laggards;
  readonly moved: Map<string, number>;
  link(origin: string, have: Positions, state?: 'ready' | 'joining'): HandLink;
}

/** A pod whose log has had three events of a run that has been quiet since, and holds none of them any more. */
function start(): World {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, origin: OWN, history: { age: AGE }, schedule: () => {} });
  for (const n of [1, 2, 3]) log.append({ origin: QUIET, n, stream: 'a', type: 'message', data: '', age: 0 });
  clock.advance(3 * AGE);
  log.publish('a', 'now');
  const links: Link[] = [];
  const moved = new Map([[QUIET, 0]]);
  const positions = (): Positions => [...log.have()];
  const laggards = new Laggards({ log, links: () => links, positions, movedAt: (origin) => moved.get(origin) });
  const link = (origin: string, have: Positions, state: 'ready' | 'joining' = 'ready'): HandLink => {
    const hand = handLink(clock, { origin, name: origin, have, state });
    hand.sent();
    links.push(hand.link);
    return hand;
  };
  return { clock, log, links, laggards, moved, link };
}

/** What those who come with these cursors are told of as missing. */
function gaps(log: EventLog, cursor: string): number {
  const items: unknown[] = [];
  const follower = log.follow({
    streams: ['a'],
    framer: { event: () => 0, gap: (gap) => items.push(gap), batch: () => 0, size: () => 1 },
    transport: 'test',
    onReady: () => {},
    start: { cursor },
  });
  follower.pull();
  follower.end();
  return items.length;
}

const missed = (messages: readonly MeshMessage[]): Positions[] =>
  messages.flatMap((message) => (message.kind === 'missed' ? [message.missed] : []));

describe('Laggards', () => {
  it('are pods that lack what has left the history: all others are told, and clients with their cursors', () => {
    const { log, laggards, link } = start();
    const other = link('BBBBBBBB', [[QUIET, 3]]);
    const { cursor } = log.follow({
      streams: ['a'],
      framer: { event: () => 0, gap: () => 0, batch: () => 0, size: () => 1 },
      transport: 'test',
      onReady: () => {},
    });
    assert.equal(cursor.includes(QUIET), false);
    assert.equal(gaps(log, cursor), 0, 'it looks as if it was given out long after the last event');
    const late = link('CCCCCCCC', [[QUIET, 1]]);
    laggards.met(late.link);
    assert.deepEqual([missed(other.sent()), missed(late.sent())], [[[[QUIET, 1]]], []]);
    assert.equal(gaps(log, cursor), 1);
    assert.ok(log.cursor('a').includes(QUIET), 'cursors name it again');
    laggards.met(late.link);
    assert.deepEqual(missed(other.sent()), [], 'once');
  });

  it('are told of to pods that are linked later, for as long as it matters', () => {
    const { clock, laggards, link } = start();
    laggards.met(link('CCCCCCCC', [[QUIET, 1]]).link);
    const later = link('DDDDDDDD', [[QUIET, 3]]);
    laggards.met(later.link);
    assert.deepEqual(missed(later.sent()), [[[QUIET, 1]]]);
    clock.advance(2 * AGE + 1);
    const latest = link('EEEEEEEE', [[QUIET, 3]]);
    laggards.met(latest.link);
    assert.deepEqual(missed(latest.sent()), []);
  });

  it('are told on, but only by whom it is news to', () => {
    const { laggards, link } = start();
    const one = link('BBBBBBBB', [[QUIET, 3]]);
    const other = link('CCCCCCCC', [[QUIET, 3]]);
    laggards.missed(one.link, [[QUIET, 2]]);
    assert.deepEqual([missed(one.sent()), missed(other.sent())], [[], [[[QUIET, 2]]]]);
    laggards.missed(other.link, [[QUIET, 2]]);
    laggards.missed(other.link, [[QUIET, 3]]);
    laggards.missed(other.link, [['ZZZZZZZZ', 9]]);
    assert.deepEqual([missed(one.sent()), missed(other.sent())], [[], []]);
  });

  it('are found while they are linked, too', () => {
    const { laggards, link, clock } = start();
    const other = link('BBBBBBBB', [[QUIET, 3]]);
    const slow = link('CCCCCCCC', [[QUIET, 3]]);
    laggards.check();
    assert.deepEqual(missed(other.sent()), []);
    slow.link.peerHas.set(QUIET, 2);
    laggards.check();
    assert.deepEqual(missed(other.sent()), [[[QUIET, 2]]]);
    clock.advance(1_000);
    laggards.check();
    assert.deepEqual(missed(other.sent()), []);
  });

  it('are not pods that serve nobody yet, that hold it all, or that were linked while it came', () => {
    const { clock, log, laggards, link, moved } = start();
    const other = link('BBBBBBBB', [[QUIET, 3]]);
    laggards.met(link('CCCCCCCC', [], 'joining').link);
    laggards.met(
      link('DDDDDDDD', [
        [QUIET, 3],
        [OWN, 0],
      ]).link,
    );
    const forgetful = link('EEEEEEEE', []);
    laggards.left(forgetful.link);
    laggards.met(forgetful.link);
    assert.deepEqual(missed(other.sent()), [], 'nobody tells for ever of what was quiet for long');
    moved.set(QUIET, clock.now());
    assert.equal(log.haveOf(QUIET), 3);
    laggards.met(forgetful.link);
    assert.deepEqual(missed(other.sent()), [[[QUIET, 0]]], 'this came since it was linked last');
  });
});
