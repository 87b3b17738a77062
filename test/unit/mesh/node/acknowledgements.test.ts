import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Acknowledgements, type EventKey, type Settled } from '../../../../src/mesh/node/acknowledgements.js';
import type { Link } from '../../../../src/mesh/link/link.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { linkTo } from '../../../sim/hand-link.js';

const OWN = 'AAAAAAAA';

const own = (n: number): EventKey => ({ origin: OWN, n });

interface World {
  readonly clock: VirtualClock;
  readonly links: Link[];
  readonly copying: Set<Link>;
  readonly state: { allTried: boolean };
  readonly acknowledgements: Acknowledgements;
  readonly results: (number | string)[];
  readonly settled: Settled;
}

function start(): World {
  const clock = new VirtualClock();
  const links: Link[] = [];
  const copying = new Set<Link>();
  const state = { allTried: true };
  const results: (number | string)[] = [];
  const acknowledgements = new Acknowledgements(clock, {
    origin: OWN,
    links: () => links,
    allTried: () => state.allTried,
    copies: (link) => copying.has(link),
  });
  const settled: Settled = (result) => void results.push(typeof result === 'number' ? result : result.message);
  return { clock, links, copying, state, acknowledgements, results, settled };
}

const ready = (clock: VirtualClock, origin: string, has: number): Link => {
  const link = linkTo(clock, origin);
  link.sender.start(has);
  return link;
};

describe('Acknowledgements', () => {
  it('local: settle at once', () => {
    const { acknowledgements, results, settled, links, clock } = start();
    links.push(ready(clock, 'BBBBBBBB', 0));
    acknowledgements.wait(own(1), 'local', 1_000, settled);
    assert.deepEqual([results, acknowledgements.size], [[0], 0]);
  });

  it('alone: settle at once, but only when every peer was tried', () => {
    const { acknowledgements, results, settled, state } = start();
    acknowledgements.wait(own(1), 'one', 1_000, settled);
    acknowledgements.wait(own(1), 'all', 1_000, settled);
    assert.deepEqual(results, [0, 0]);
    state.allTried = false;
    acknowledgements.wait(own(2), 'one', 1_000, settled);
    acknowledgements.wait(own(2), 'all', 1_000, settled);
    assert.equal(acknowledgements.size, 2);
    state.allTried = true;
    acknowledgements.check();
    assert.deepEqual(results, [0, 0, 0, 0]);
  });

  it('one: wait for the first that has it; all: for the last', () => {
    const { acknowledgements, results, settled, links, clock } = start();
    links.push(ready(clock, 'BBBBBBBB', 4), ready(clock, 'CCCCCCCC', 4));
    acknowledgements.wait(own(5), 'one', 1_000, settled);
    acknowledgements.wait(own(5), 'all', 1_000, settled);
    links[0] = ready(clock, 'BBBBBBBB', 5);
    acknowledgements.check();
    assert.deepEqual(results, [1]);
    links[1] = ready(clock, 'CCCCCCCC', 6);
    acknowledgements.check();
    assert.deepEqual(results, [1, 2]);
  });

  it('count no pod that drains, nor wait for one that copies from this', () => {
    const { acknowledgements, results, settled, links, copying, clock } = start();
    const leaving = ready(clock, 'BBBBBBBB', 9);
    leaving.peerState = 'draining';
    const joining = linkTo(clock, 'CCCCCCCC', 'joining');
    links.push(leaving, joining);
    acknowledgements.wait(own(1), 'one', 1_000, settled);
    assert.deepEqual(results, [], 'it may be about to serve');
    copying.add(joining);
    acknowledgements.check();
    assert.deepEqual(results, [0]);
  });

  it('of an event of another pod: that one has it, the others when they have told so', () => {
    const { acknowledgements, results, settled, links, clock } = start();
    const event: EventKey = { origin: 'ZZZZZZZZ', n: 7 };
    links.push(ready(clock, 'BBBBBBBB', 9), ready(clock, 'CCCCCCCC', 9));
    acknowledgements.wait(event, 'one', 1_000, settled);
    assert.deepEqual(results, [], 'that they have own events through 9 says nothing of others');
    links[0]?.raise([[event.origin, 6]]);
    acknowledgements.check();
    assert.deepEqual(results, []);
    links[0]?.raise([[event.origin, 7]]);
    acknowledgements.check();
    assert.deepEqual(results, [1]);
    links.push(ready(clock, event.origin, 0));
    acknowledgements.wait(event, 'one', 1_000, settled);
    assert.deepEqual(results, [1, 2], 'its own pod has it');
    acknowledgements.wait(event, 'all', 1_000, settled);
    assert.equal(acknowledgements.size, 1);
    links[1]?.raise([[event.origin, 8]]);
    acknowledgements.check();
    assert.deepEqual(results, [1, 2, 3]);
  });

  it('fail in time, each after its own', () => {
    const { acknowledgements, results, settled, links, clock } = start();
    links.push(ready(clock, 'BBBBBBBB', 0));
    acknowledgements.wait(own(1), 'one', 2_000, settled);
    acknowledgements.wait(own(2), 'one', 1_000, settled);
    clock.advance(999);
    assert.deepEqual(results, []);
    clock.advance(1);
    assert.equal(results.length, 1);
    clock.advance(1_000);
    assert.deepEqual(results, Array(2).fill('no other pod has acknowledged the event'));
    assert.equal(acknowledgements.size, 0);
  });

  it('end with the pod', () => {
    const { acknowledgements, results, settled, state, clock } = start();
    state.allTried = false;
    acknowledgements.wait(own(1), 'one', 1_000, settled);
    acknowledgements.close(new Error('the pod ends'));
    acknowledgements.wait(own(2), 'one', 1_000, settled);
    assert.deepEqual(results, ['the pod ends', 'the pod ends']);
    assert.equal(clock.pending, 0);
  });
});
