import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Heartbeat, Ponger } from '../../../../src/carrier/websocket/pings.js';
import { Outbound } from '../../../../src/carrier/websocket/outbound.js';
import { PieceQueue } from '../../../../src/carrier/websocket/piece-queue.js';
import { Slices } from '../../../../src/carrier/websocket/slices.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';

function fake(limit: number): { outbound: Outbound; sent: string[]; flush: () => void } {
  const sent: string[] = [];
  let waiting: (() => void)[] = [];
  const sink = {
    open: true,
    bufferedAmount: 0,
    send(message: Buffer, done: () => void): void {
      sent.push(message.toString());
      sink.bufferedAmount += message.length;
      assert.ok(sink.bufferedAmount <= limit || waiting.length === 0);
      waiting.push(() => {
        sink.bufferedAmount -= message.length;
        done();
      });
    },
  };
  const flush = (): void => {
    const now = waiting;
    waiting = [];
    for (const done of now) done();
  };
  return { outbound: new Outbound(sink, limit, () => {}), sent, flush };
}

function job(channel: number, messages: string[], done: () => void = () => {}): Parameters<Outbound['submit']>[0] {
  return {
    channel,
    size: () => messages[0]?.length ?? 0,
    next: () => Buffer.from(messages.shift() ?? ''),
    finished: () => messages.length === 0,
    done,
  };
}

function start(): { clock: VirtualClock; heartbeat: Heartbeat; seen: string[]; flush: () => void } {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const queued: (() => void)[] = [];
  const heartbeat = new Heartbeat(
    clock,
    { period: 5_000, timeout: 61_000 },
    {
      ping: (sent) => {
        seen.push(`ping ${clock.now()}`);
        queued.push(sent);
      },
      pingTimeout: () => seen.push(`timeout ${clock.now()}`),
    },
  );
  return { clock, heartbeat, seen, flush: () => queued.shift()?.() };
}

describe('slices', () => {
  it('cuts across pieces without losing a byte', () => {
    const slices = new Slices([Buffer.from('abc'), Buffer.from(''), Buffer.from('defgh')], 3);
    const runs: string[] = [];
    while (!slices.finished) runs.push(Buffer.concat(slices.next().parts).toString());
    assert.deepEqual(runs, ['abc', 'def', 'gh']);
  });

  it('makes one empty run of nothing', () => {
    const slices = new Slices([Buffer.alloc(0)], 3);
    assert.equal(slices.finished, false);
    assert.deepEqual(slices.next(), { parts: [], length: 0 });
    assert.equal(slices.finished, true);
  });
});

describe('piece queue', () => {
  it('gives back what came, in order, whatever the sizes', () => {
    const queue = new PieceQueue();
    const pieces = [1, 2000, 3, 4, 5000, 1024, 1025, 600].map((length, index) => Buffer.alloc(length, index));
    for (const piece of pieces) queue.push(piece);
    assert.equal(queue.bytes, Buffer.concat(pieces).length);
    const out: Buffer[] = [];
    for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) out.push(piece);
    assert.deepEqual(Buffer.concat(out), Buffer.concat(pieces));
    assert.equal(queue.bytes, 0);
  });

  it('gathers single bytes', () => {
    const queue = new PieceQueue();
    for (let index = 0; index < 10_000; index++) queue.push(Buffer.of(index & 0xff));
    let pieces = 0;
    while (queue.shift() !== undefined) pieces++;
    assert.ok(pieces <= 3, `${pieces} pieces`);
  });

  it('does not keep a large read alive for a small part of it', () => {
    const queue = new PieceQueue();
    queue.push(Buffer.from(new ArrayBuffer(1_000_000), 0, 2000));
    assert.equal(queue.shift()?.buffer.byteLength, 2000);
  });

  it('goes on after being emptied', () => {
    const queue = new PieceQueue();
    queue.push(Buffer.from('a'));
    assert.equal(queue.shift()?.toString(), 'a');
    queue.push(Buffer.from('b'));
    queue.clear();
    queue.push(Buffer.from('c'));
    assert.equal(queue.shift()?.toString(), 'c');
    assert.equal(queue.shift(), undefined);
  });
});

describe('outbound', () => {
  it('holds back what would exceed the limit, and takes turns between channels', () => {
    const { outbound, sent, flush } = fake(30);
    let done = 0;
    outbound.submit(job(0, ['a'.repeat(16), 'A'.repeat(16), 'x'.repeat(16)], () => done++));
    outbound.submit(job(1, ['b'.repeat(16), 'B'.repeat(16)], () => done++));
    assert.deepEqual(
      sent.map((text) => text[0]),
      ['a'],
    );
    for (let turn = 0; turn < 5; turn++) flush();
    assert.deepEqual(
      sent.map((text) => text[0]),
      ['a', 'A', 'b', 'x', 'B'],
    );
    assert.equal(done, 2);
    assert.equal(outbound.idle, true);
  });

  it('sends a message longer than the limit alone', () => {
    const { outbound, sent } = fake(10);
    outbound.submit(job(0, ['x'.repeat(100)]));
    assert.equal(sent.length, 1);
  });

  it('forgets a cancelled channel', () => {
    const { outbound, sent, flush } = fake(20);
    outbound.submit(job(0, ['a'.repeat(16)]));
    outbound.submit(job(1, ['b'.repeat(16)]));
    outbound.cancel(1);
    flush();
    assert.equal(sent.length, 1);
    assert.equal(outbound.idle, true);
  });
});

describe('heartbeat', () => {
  it('pings every period, and leaves one out while the last is queued', () => {
    const { clock, heartbeat, seen, flush } = start();
    clock.advance(5_000);
    flush();
    clock.advance(10_000);
    flush();
    clock.advance(5_000);
    assert.deepEqual(seen, ['ping 5000', 'ping 10000', 'ping 20000']);
    heartbeat.stop();
    assert.equal(clock.pending, 0);
  });

  it('times out exactly after the last frame', () => {
    const { clock, heartbeat, seen } = start();
    clock.advance(30_000);
    heartbeat.received(clock.now());
    clock.advance(60_999);
    assert.ok(!seen.some((line) => line.startsWith('timeout')));
    clock.advance(1);
    assert.equal(seen.at(-1), 'timeout 91000');
    heartbeat.stop();
  });

  it('does not time out while suspended, pings on, and starts afresh', () => {
    const { clock, heartbeat, seen, flush } = start();
    heartbeat.suspend();
    for (let turn = 0; turn < 40; turn++) {
      clock.advance(5_000);
      flush();
    }
    assert.equal(seen.length, 40);
    heartbeat.resume();
    clock.advance(61_000);
    assert.equal(seen.at(-1), 'timeout 261000');
    heartbeat.stop();
  });
});

describe('ponger', () => {
  it('keeps at most one answer waiting, the latest', () => {
    const pongs: string[] = [];
    const flushes: (() => void)[] = [];
    const ponger = new Ponger((payload, sent) => {
      pongs.push(payload.toString());
      flushes.push(sent);
    });
    for (const text of ['1', '2', '3', '4']) ponger.answer(Buffer.from(text));
    assert.deepEqual(pongs, ['1']);
    flushes.shift()?.();
    assert.deepEqual(pongs, ['1', '4']);
    flushes.shift()?.();
    ponger.answer(Buffer.from('5'));
    assert.deepEqual(pongs, ['1', '4', '5']);
  });
});
