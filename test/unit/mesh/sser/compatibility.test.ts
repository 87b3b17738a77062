import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UpgradeFailureError } from '../../../../src/httpstream/index.js';
import { Dialer, type Address, type DialOutcome } from '../../../../src/mesh/node/dialer.js';
import { Compatibility } from '../../../../src/mesh/sser/compatibility.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/index.js';
import { handPair } from '../../../sim/hand-wire.js';

const A: Address = { host: '127.0.0.1', port: 1, name: 'a' };
const REFUSED = new UpgradeFailureError('unable to upgrade connection: 404 Not Found', { statusCode: 404 });

class World {
  readonly clock = new VirtualClock();
  readonly log = new EventLog({ clock: this.clock });
  readonly compatibility = new Compatibility(this.log);
  readonly attempts: DialOutcome[] = [];
  cancelled = 0;
  readonly dialer = new Dialer({
    clock: this.clock,
    random: () => 0,
    times: { spread: 10, retry: 10, maxRetry: 100 },
    dial: this.compatibility.dial((_address, outcome) => {
      this.attempts.push(outcome);
      return { cancel: () => (this.cancelled += 1) };
    }),
    linked: () => false,
    opened: () => {},
    failed: () => {},
  });

  set(...addresses: Address[]): void {
    this.compatibility.setPeers(addresses);
    this.dialer.set(addresses);
    this.clock.advance(10);
  }

  get posted(): string[] {
    return this.compatibility.stats.peers.map(({ address }) => address);
  }

  close(): void {
    this.dialer.close();
    this.compatibility.close();
    this.log.close();
  }
}

describe('what dialling links tells of peers', () => {
  it('one that knows of no links is posted to, and is nobody that events could be got of', () => {
    const world = new World();
    world.set(A);
    assert.deepEqual([world.dialer.allTried, world.dialer.unreachable], [false, 1]);
    world.attempts[0]?.failed(REFUSED, 'foreign');
    assert.deepEqual(world.posted, ['127.0.0.1:1']);
    assert.deepEqual([world.dialer.allTried, world.dialer.unreachable], [true, 0]);
    world.close();
  });

  it('it is dialled on, and posted to until it has links', () => {
    const world = new World();
    world.set(A);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      world.attempts.at(-1)?.failed(REFUSED, 'foreign');
      world.clock.advance(100);
      assert.equal(world.attempts.length, attempt + 2);
      assert.deepEqual(world.posted, ['127.0.0.1:1']);
    }
    world.attempts.at(-1)?.failed(new Error('connect ECONNREFUSED'));
    assert.deepEqual(world.posted, ['127.0.0.1:1'], 'it may only be away for a moment');
    assert.deepEqual([world.dialer.allTried, world.dialer.unreachable], [true, 1]);
    world.clock.advance(100);
    world.attempts.at(-1)?.opened(handPair()[0]);
    assert.deepEqual(world.posted, []);
    world.close();
  });

  for (const statusCode of [401, 403]) {
    it(`one that answers ${statusCode} is posted to no more`, () => {
      const world = new World();
      world.set(A);
      world.attempts[0]?.failed(REFUSED, 'foreign');
      world.clock.advance(100);
      world.attempts[1]?.failed(new UpgradeFailureError('no', { statusCode }));
      assert.deepEqual(world.posted, []);
      world.close();
    });
  }

  it('a proxy before it that has trouble tells nothing of it', () => {
    const world = new World();
    world.set(A);
    world.attempts[0]?.failed(REFUSED, 'foreign');
    world.clock.advance(100);
    world.attempts[1]?.failed(new UpgradeFailureError('no', { statusCode: 503 }));
    assert.deepEqual(world.posted, ['127.0.0.1:1']);
    world.close();
  });

  it('an answer that comes when it is no peer any more tells nothing', () => {
    const world = new World();
    world.set(A);
    world.set();
    assert.equal(world.cancelled, 1);
    world.attempts[0]?.failed(REFUSED, 'foreign');
    assert.deepEqual(world.posted, []);
    world.close();
  });

  it('another pod at an old address is another peer', () => {
    const world = new World();
    world.set(A);
    world.attempts[0]?.failed(REFUSED, 'foreign');
    world.set({ ...A, name: 'b' });
    assert.deepEqual(world.posted, []);
    world.attempts[1]?.failed(REFUSED, 'foreign');
    assert.deepEqual(world.posted, ['127.0.0.1:1']);
    world.close();
  });
});
