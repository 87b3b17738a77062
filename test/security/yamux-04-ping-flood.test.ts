import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { ACK, data, goAway, ping, rst, syn, windowUpdate } from '../support/yamux-frames.js';
import { arena, endedBy, flood, memory, turns, until, untilNothingMoves } from './yamux-support.js';

// Row 4: floods of frames that want an answer or nothing (CVE-2019-9512, CVE-2019-9515, CVE-2020-11080).

function pings(count: number): Buffer {
  const bytes = Buffer.alloc(12 * count);
  for (let i = 0; i < count; i++) ping(i).copy(bytes, 12 * i);
  return bytes;
}

it('1,000,000 pings from a peer that never reads: bounded, reading stops, closed by the write deadline', async () => {
  const clock = new VirtualClock();
  const ring = await arena({ deaf: true, options: { clock } });
  try {
    ring.attacker.pause();
    const bytes = pings(1_000_000);
    const before = memory();
    const written = flood(ring.attacker, bytes);
    await untilNothingMoves(() => ring.attacker.bytesWritten);
    assert.ok(ring.attacker.writableLength > 0, 'the victim read all million pings');
    const grown = memory() - before;
    assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes more`);
    await ring.checkHonest();
    clock.advance(9999);
    await turns(20);
    clock.advance(1);
    const { kind, error } = await ring.victim.closed;
    assert.equal(kind, 'lost');
    assert.match(String(error), /took no bytes for 10000 ms/);
    await written;
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('200,000 pings from a peer that reads are all answered', async () => {
  const ring = await arena({ deaf: true });
  try {
    let answered = 0;
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    const bytes = pings(200_000);
    await flood(ring.attacker, bytes);
    await until(() => answered === bytes.length);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

for (const [what, frames] of [
  ['window updates of 0', [syn(1), windowUpdate(1, 0)]],
  ['window updates of 0 with ACK', [syn(1), windowUpdate(1, 0, ACK)]],
  ['empty data', [syn(1), data(1)]],
  ['data for streams that never were', [data(1, 'x')]],
  ['resets for streams that never were', [rst(1)]],
  ['go aways', [syn(1), goAway(0)]],
  ['answers to pings that nobody sent', [ping(3, ACK)]],
] as const) {
  it(`a flood of ${what} ends the connection`, async () => {
    const ring = await arena({ options: { limits: { emptyFrameBurst: 500, emptyFramesPerSecond: 1 } } });
    try {
      const last = frames.at(-1) ?? Buffer.alloc(0);
      await flood(ring.attacker, Buffer.concat([...frames, ...Array.from({ length: 2000 }, () => last)]));
      endedBy((await ring.victim.closed).error, 'emptyFrameBurst');
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}
