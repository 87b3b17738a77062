import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogSender, type Batch } from '../../../../src/mesh/link/log-sender.js';

/** Own events in batches of some, up to a number that grows. */
class Source {
  through = 0;
  per = 10;
  bytes = 100;
  /** The first that is still there. */
  first = 1;

  get newest(): number {
    return this.through;
  }

  batchAfter(n: number): Batch | undefined {
    if (n >= this.through) return undefined;
    if (n + 1 < this.first) return { bytes: new Uint8Array(3), events: 0, through: this.first - 1 };
    const through = Math.min(this.through, n + this.per);
    return { bytes: new Uint8Array(this.bytes), events: through - n, through };
  }
}

function start(source: Source, room = true): { sender: LogSender; sent: number[]; take: { room: boolean } } {
  const sent: number[] = [];
  const take = { room };
  const sender = new LogSender(source, (bytes) => {
    sent.push(bytes.length);
    return take.room;
  });
  return { sender, sent, take };
}

describe('LogSender', () => {
  it('sends nothing before it is known where to begin, and then what comes behind', () => {
    const source = new Source();
    source.through = 25;
    const { sender, sent } = start(source);
    sender.pump();
    assert.equal(sent.length, 0);
    sender.start(5);
    assert.equal(sent.length, 2);
    assert.deepEqual([sender.sent, sender.ackedThrough], [25, 5]);
    assert.equal(sender.has(5), true);
    assert.equal(sender.has(6), false);
  });

  it('waits for room, and for acknowledgements of so many events or bytes', () => {
    const source = new Source();
    source.through = 1e6;
    const { sender, sent, take } = start(source, false);
    sender.start(0);
    assert.equal(sent.length, 1);
    take.room = true;
    sender.room();
    assert.ok(sender.held && sender.sent >= 8_192 && sender.sent < 8_192 + 10);
    sender.acked(4_000);
    assert.equal(sender.sent, sender.ackedThrough + 8_200);
    const large = new Source();
    large.through = 1e6;
    large.bytes = 64 * 1024;
    const other = start(large);
    other.sender.start(0);
    assert.equal(other.sent.length, 16);
    other.sender.acked(30);
    assert.equal(other.sent.length, 19);
  });

  it('takes no acknowledgement of what was not sent, and none that goes back', () => {
    const source = new Source();
    source.through = 50;
    const { sender } = start(source);
    sender.start(0);
    sender.acked(1e9);
    assert.equal(sender.ackedThrough, 50);
    sender.acked(10);
    assert.equal(sender.ackedThrough, 50);
    source.through = 60;
    sender.pump();
    assert.equal(sender.has(60), false);
    sender.acked(60);
    assert.equal(sender.has(60), true);
  });

  it('goes on behind what has left the history, of which the other side has nothing', () => {
    const source = new Source();
    source.through = 30_000;
    source.first = 29_991;
    const { sender } = start(source);
    sender.start(100);
    assert.ok(sender.held, 'what was skipped is waited for like the rest');
    sender.acked(29_990);
    assert.equal(sender.sent, 30_000);
    sender.acked(30_000);
    assert.deepEqual(
      [100, 101, 29_990, 29_991].map((n) => sender.has(n)),
      [true, false, false, true],
    );
  });

  it('counts how many times more was to be sent than the other side would take', () => {
    const source = new Source();
    source.through = 10;
    const { sender, take } = start(source, false);
    sender.start(0);
    assert.equal(sender.waits, 0, 'it took all there was');
    source.through = 30;
    sender.pump();
    sender.pump();
    assert.equal(sender.waits, 1, 'and has no room for more: once');
    sender.room();
    assert.equal(sender.waits, 2, 'it took ten, and there are ten more: found in sending');
    take.room = true;
    sender.room();
    assert.deepEqual([sender.sent, sender.waits], [30, 2]);
  });
});
