import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { ping, settings, windowUpdate } from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';
import { arena, flood, memory, turns, until } from './spdy-support.js';

// Row 4: floods of frames that want an answer or nothing (CVE-2019-9512, CVE-2019-9515, CVE-2020-11080).

it('1,000,000 pings from a peer that never reads: bounded, reading stops, closed by the write deadline', async () => {
  const clock = new VirtualClock();
  const ring = await arena({ deaf: true, options: { clock } });
  try {
    ring.attacker.pause();
    const before = memory();
    const pings = Buffer.alloc(12 * 1_000_000);
    for (let i = 0; i < 1_000_000; i++) ping(2 * i + 1).copy(pings, 12 * i);
    const written = flood(ring.attacker, pings);
    // Until the victim takes nothing more.
    for (let quiet = 0, last = -1; quiet < 10; last = ring.attacker.bytesWritten) {
      quiet = ring.attacker.bytesWritten === last && ring.attacker.writableLength > 0 ? quiet + 1 : 0;
      await turns(20);
    }
    assert.ok(ring.attacker.writableLength > 0, 'the victim read all million pings');
    const grown = memory() - before - pings.length;
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

it('a million pings from a peer that reads are all answered', async () => {
  const ring = await arena({ deaf: true });
  try {
    let answered = 0;
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    const pings = Buffer.alloc(12 * 200_000);
    for (let i = 0; i < 200_000; i++) ping(2 * i + 1).copy(pings, 12 * i);
    await flood(ring.attacker, pings);
    await until(() => answered === pings.length);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

for (const [what, frame] of [
  ['SETTINGS', settings([[4, 1]])],
  ['WINDOW_UPDATE', windowUpdate(1, 1)],
] as const) {
  it(`a flood of ${what} ends the connection`, async () => {
    const ring = await arena({ options: { limits: { emptyFrameBurst: 500, emptyFramesPerSecond: 1 } } });
    try {
      await flood(ring.attacker, Buffer.concat(Array.from({ length: 2000 }, () => frame)));
      const { error } = await ring.victim.closed;
      assert.ok(error && 'limit' in error && error.limit === 'emptyFrameBurst', String(error));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('maxSettings: as many entries pass, one more does not', () => {
  const entries = (count: number) => settings(Array.from({ length: count }, (_, index) => [index, index] as const));
  assert.equal(new MachineHarness().failure(entries(32)), undefined);
  const error = new MachineHarness().failure(entries(33));
  assert.ok(error instanceof Error && 'limit' in error && error.limit === 'maxSettings', String(error));
});

it('emptyFrameBurst: as many pass, one more does not, and time gives some back', () => {
  const harness = new MachineHarness('server', { emptyFrameBurst: 5, emptyFramesPerSecond: 2 });
  for (let i = 0; i < 5; i++) harness.receive(settings([]));
  harness.now = 500;
  harness.receive(settings([]));
  assert.match(String(harness.failure(settings([]))), /too many frames without effect/);
});
