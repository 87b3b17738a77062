import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NewStreamHandler } from '../../src/httpstream/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { SYN, data, ping, syn } from '../support/yamux-frames.js';
import { preface } from '../support/yamux-preface.js';
import { arena, flood, memory, untilNothingMoves } from './yamux-support.js';

// Row 10: a peer makes us answer and reads no answer (rust-yamux CVE-2024-32984).

const MiB = 1024 * 1024;

for (const [what, headers, count, handler] of [
  ['accepted', false, 300_000, () => {}],
  ['accepted, with headers', true, 300_000, () => {}],
  ['refused with a long message', true, 20_000, (stream) => stream.refuse('refused', 'no '.repeat(300))],
] as readonly (readonly [string, boolean, number, NewStreamHandler])[]) {
  it(`streams opened without end and ${what}, by a peer that reads nothing: bounded, then closed by the write deadline`, async () => {
    const clock = new VirtualClock();
    let handlers = 0;
    const ring = await arena({
      deaf: true,
      options: { clock, headers },
      handler: (stream, replySent) => {
        handlers++;
        return handler(stream, replySent);
      },
    });
    try {
      ring.attacker.pause();
      const first = preface();
      const frames = Array.from({ length: count }, (_, index) =>
        headers ? data(2 * index + 1, first, SYN) : syn(2 * index + 1),
      );
      const bytes = Buffer.concat(frames);
      frames.length = 0;
      const before = memory();
      const written = flood(ring.attacker, bytes);
      await untilNothingMoves(() => ring.attacker.bytesWritten);
      assert.ok(ring.victim.streams.size <= 256);
      if (what.startsWith('accepted')) assert.ok(handlers <= 256, `${handlers}`);
      const grown = memory() - before;
      assert.ok(grown < 16 * MiB, `${grown}`);
      await ring.checkHonest();
      if (ring.attacker.writableLength > 0) {
        clock.advance(10_000);
        assert.equal((await ring.victim.closed).kind, 'lost');
      }
      await written;
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

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
    ring.attacker.write(
      Buffer.concat(Array.from({ length: 20 }, (_, index) => syn(2 * index + 1, 0xffffffff - 256 * 1024))),
    );
    await untilNothingMoves(() => taken);
    // What two kernels buffer on loopback, 1 MiB of ours, and what each stream holds of its writer.
    assert.ok(taken > 1 * MiB && taken < 32 * MiB, `${taken}`);
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
    for (let i = 0; i < count; i++) ping(i).copy(pings, 12 * i);
    const written = flood(ring.attacker, pings);
    await untilNothingMoves(() => ring.attacker.bytesWritten);
    assert.ok(ring.attacker.writableLength > 0, 'it read on');
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    ring.attacker.resume();
    await written;
    await untilNothingMoves(() => answered);
    assert.equal(answered, pings.length);
  } finally {
    await ring.stop();
  }
});
