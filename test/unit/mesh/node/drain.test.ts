import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Link } from '../../../../src/mesh/link/link.js';
import { Drain, type DrainResult } from '../../../../src/mesh/node/drain.js';
import type { PodState, Positions } from '../../../../src/mesh/protocol/messages.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { linkTo } from '../../../sim/hand-link.js';

const OWN = 'AAAAAAAA';
const DEAD = 'ZZZZZZZZ';

interface World {
  readonly clock: VirtualClock;
  readonly links: Link[];
  readonly state: { allTried: boolean; holdsBack: boolean };
  readonly results: DrainResult[];
  readonly drain: Drain;
  add(origin: string, have: Positions, state?: PodState): Link;
}

/** A pod with two events of its own and one of a pod that is gone, about to leave. */
function start(): World {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, origin: OWN, schedule: () => {} });
  log.publish('a', 1);
  log.publish('a', 2);
  log.append({ origin: DEAD, n: 1, stream: 'a', type: 'message', data: '', age: 0 });
  const links: Link[] = [];
  const state = { allTried: true, holdsBack: false };
  const results: DrainResult[] = [];
  const host = { log, links: () => links, allTried: () => state.allTried, holdsBack: () => state.holdsBack };
  const drain = new Drain(host, 1_000, (result) => void results.push(result));
  const add = (origin: string, have: Positions, podState: PodState = 'ready'): Link => {
    const link = linkTo(clock, origin, podState, have);
    link.toldStateHeard = true;
    links.push(link);
    return link;
  };
  return { clock, links, state, results, drain, add };
}

const ALL: Positions = [
  [OWN, 2],
  [DEAD, 1],
];

describe('Drain', () => {
  it('hands over when each origin is had by some pod that stays', () => {
    const { drain, results, add, clock } = start();
    const b = add('BBBBBBBB', [[OWN, 2]]);
    add('CCCCCCCC', [[OWN, 1]]);
    drain.check();
    assert.deepEqual(results, []);
    b.raise([[DEAD, 1]]);
    drain.check();
    drain.check();
    assert.deepEqual(results, ['handed-over']);
    assert.equal(clock.pending >= 2, true, 'links go on');
  });

  it('hands nothing to a pod that drains, or has not heard of it', () => {
    const { drain, results, add } = start();
    add('BBBBBBBB', ALL, 'draining');
    const c = add('CCCCCCCC', ALL);
    c.toldStateHeard = false;
    drain.check();
    assert.deepEqual(results, []);
    c.toldStateHeard = true;
    drain.check();
    assert.deepEqual(results, ['handed-over']);
  });

  it('waits for what is held back', () => {
    const { drain, results, add, state } = start();
    state.holdsBack = true;
    add('BBBBBBBB', ALL);
    drain.check();
    assert.deepEqual(results, []);
    state.holdsBack = false;
    drain.check();
    assert.deepEqual(results, ['handed-over']);
  });

  it('is alone once every peer was tried, and not before', () => {
    const { drain, results, state } = start();
    state.allTried = false;
    drain.check();
    assert.deepEqual(results, []);
    state.allTried = true;
    drain.check();
    assert.deepEqual(results, ['alone']);
  });

  it('is alone among pods that all leave once each holds everything, and none has come for a quarter of the time', () => {
    const { drain, results, add, clock } = start();
    const b = add('BBBBBBBB', ALL, 'draining');
    const c = add('CCCCCCCC', [[OWN, 2]], 'draining');
    drain.check();
    clock.advance(600);
    assert.deepEqual(results, [], 'one lacks an event');
    c.raise(ALL);
    drain.check();
    clock.advance(249);
    assert.deepEqual(results, []);
    const fresh = add('DDDDDDDD', [], 'joining');
    drain.check();
    clock.advance(100);
    assert.deepEqual(results, [], 'a pod has come that will stay');
    fresh.raise(ALL);
    drain.check();
    assert.deepEqual(results, ['handed-over']);
    assert.ok(b.established);
  });

  it('does not take pods that leave for all there are while a peer was not tried', () => {
    const { drain, results, add, clock, state } = start();
    add('BBBBBBBB', ALL, 'draining');
    state.allTried = false;
    drain.check();
    clock.advance(700);
    assert.deepEqual(results, []);
    state.allTried = true;
    drain.check();
    clock.advance(250);
    assert.deepEqual(results, ['alone']);
  });

  it('ends when time is up, once, or with the pod', () => {
    const { drain, results, add, clock } = start();
    add('BBBBBBBB', []);
    drain.check();
    clock.advance(999);
    assert.deepEqual(results, []);
    clock.advance(1);
    assert.deepEqual(results, ['timeout']);
    clock.advance(10_000);
    const other = start();
    other.drain.check();
    other.drain.close();
    other.clock.advance(10_000);
    assert.deepEqual(other.results, ['alone']);
    assert.equal(results.length, 1);
  });
});
