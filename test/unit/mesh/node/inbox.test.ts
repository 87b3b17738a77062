import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inbox } from '../../../../src/mesh/node/inbox.js';
import type { WireEvent } from '../../../../src/mesh/protocol/messages.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';

const O = 'BBBBBBBB';
const event = (n: number, data = ''): WireEvent => ({ n, stream: 'a', type: 'message', data, key: undefined, age: 0 });

function start(limits: { maxEventBytes?: number } = {}): { clock: VirtualClock; log: EventLog; inbox: Inbox } {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, schedule: () => {}, history: { events: 50_000 }, limits });
  return { clock, log, inbox: new Inbox(log) };
}

describe('Inbox', () => {
  it('appends in order and never twice, and holds back what comes early', () => {
    const { log, inbox } = start();
    assert.equal(inbox.take(O, [event(2), event(4), event(2)]), false);
    assert.deepEqual([inbox.size, inbox.lowest(O), [...inbox.highest()]], [2, 2, [[O, 4]]]);
    assert.equal(inbox.take(O, [event(1)]), true);
    assert.deepEqual([log.haveOf(O), inbox.size, inbox.lowest(O)], [2, 1, 4]);
    assert.equal(inbox.take(O, [event(1), event(2)]), false);
    inbox.take(O, [event(3)]);
    assert.deepEqual([log.haveOf(O), inbox.size, inbox.lowest(O), [...inbox.highest()]], [4, 0, undefined, []]);
    assert.deepEqual(
      log.history('a').map(({ n }) => n),
      [1, 2, 3, 4],
    );
  });

  it('goes on behind a loss, and forgets what the loss has covered', () => {
    const { log, inbox } = start();
    inbox.take(O, [event(3), event(6), event(7)]);
    log.appendLoss(O, 5);
    inbox.drain(O);
    assert.deepEqual([log.haveOf(O), inbox.size], [7, 0]);
    assert.deepEqual(
      log.history('a').map(({ n }) => n),
      [6, 7],
    );
  });

  it('lets events grow old while they wait', () => {
    const { clock, log, inbox } = start();
    inbox.take(O, [{ ...event(2), age: 1_000 }]);
    clock.advance(5_000);
    inbox.take(O, [event(1)]);
    assert.deepEqual(
      log.history('a').map(({ time }) => clock.now() - time),
      [0, 6_000],
    );
  });

  it('holds no more than so many events and bytes, whatever a peer sends', () => {
    const { inbox } = start();
    inbox.take(
      O,
      Array.from({ length: 30_000 }, (_, i) => event(i + 2)),
    );
    assert.equal(inbox.size, 20_000);
    const large = start().inbox;
    const data = 'x'.repeat(200_000);
    large.take(
      O,
      Array.from({ length: 200 }, (_, i) => event(i + 2, data)),
    );
    assert.equal(large.size, 83);
  });

  it('counts an event that this log refuses for its size as lost, and goes on', () => {
    const { log, inbox } = start({ maxEventBytes: 1_000 });
    inbox.take(O, [event(1), event(2, 'x'.repeat(2_000)), event(3)]);
    assert.equal(log.haveOf(O), 3);
    assert.deepEqual(
      log.history('a').map(({ n }) => n),
      [1, 3],
    );
  });

  it('refuses what no pod sends', () => {
    const { inbox } = start();
    assert.throws(() => inbox.take(O, [{ ...event(1), type: 'gap' }]), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => inbox.take(O, [{ ...event(1), stream: 'a*' }]), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
