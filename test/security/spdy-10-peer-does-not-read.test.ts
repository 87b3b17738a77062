import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { FrameFactory, ping } from '../support/frames.js';
import { arena, flood, memory, turns } from './spdy-support.js';

// Row 10: a peer makes us answer and reads no answer (CVE-2024-32984).

async function untilNothingMoves(bytesWritten: () => number): Promise<void> {
  for (let quiet = 0, last = -1; quiet < 10; last = bytesWritten()) {
    quiet = bytesWritten() === last ? quiet + 1 : 0;
    await turns(20);
  }
}

it('streams opened without end by a peer that reads nothing: bounded, then closed by the write deadline', async () => {
  const clock = new VirtualClock();
  let handlers = 0;
  const ring = await arena({ deaf: true, options: { clock }, handler: () => void handlers++ });
  try {
    ring.attacker.pause();
    const factory = new FrameFactory();
    const syn = Buffer.concat(Array.from({ length: 300_000 }, (_, index) => factory.synStream(2 * index + 1)));
    const before = memory();
    const written = flood(ring.attacker, syn);
    await untilNothingMoves(() => ring.attacker.bytesWritten);
    assert.ok(handlers <= 256, `${handlers}`);
    assert.ok(ring.victim.streams.size <= 256);
    assert.ok(memory() - before < 16 * 1024 * 1024, `${memory() - before}`);
    await ring.checkHonest();
    clock.advance(10_000);
    assert.equal((await ring.victim.closed).kind, 'lost');
    await written;
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('a handler that writes to a peer that reads nothing is held back', async () => {
  const clock = new VirtualClock();
  let taken = 0;
  const ring = await arena({
    deaf: true,
    options: { clock },
    handler: (stream) => {
      const fill = (): void => {
        if (stream.destroyed) return;
        taken += 65_536;
        if (stream.write(Buffer.alloc(65_536))) setImmediate(fill);
        else stream.once('drain', fill);
      };
      fill();
    },
  });
  try {
    ring.attacker.pause();
    const factory = new FrameFactory();
    ring.attacker.write(Buffer.concat(Array.from({ length: 20 }, (_, index) => factory.synStream(2 * index + 1))));
    await untilNothingMoves(() => taken);
    // What two kernels buffer on loopback, 1 MiB of ours, and one write of each stream.
    assert.ok(taken < 32 * 1024 * 1024, `${taken}`);
    await ring.checkHonest();
    clock.advance(10_000);
    assert.equal((await ring.victim.closed).kind, 'lost');
  } finally {
    await ring.stop();
  }
});

it('maxPendingControlFrames: reading stops at as many unsent answers, and goes on once they are sent', async () => {
  const clock = new VirtualClock();
  const ring = await arena({ deaf: true, options: { clock, limits: { maxPendingControlFrames: 8 } } });
  try {
    let answered = 0;
    ring.attacker.pause();
    const count = 1_000_000;
    const pings = Buffer.alloc(12 * count);
    for (let i = 0; i < count; i++) ping(2 * i + 1).copy(pings, 12 * i);
    const written = flood(ring.attacker, pings);
    await untilNothingMoves(() => ring.attacker.bytesWritten);
    assert.ok(ring.attacker.writableLength > 0, 'it read on');
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    ring.attacker.resume();
    await written;
    while (answered < pings.length) await turns(1);
  } finally {
    await ring.stop();
  }
});
