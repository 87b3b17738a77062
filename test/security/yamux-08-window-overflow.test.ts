import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../src/httpstream/index.js';
import { ACK, INITIAL_WINDOW, describeFrames, syn, windowUpdate } from '../support/yamux-frames.js';
import { YamuxHarness } from '../support/yamux-machine.js';
import { arena, turns, until } from './yamux-support.js';

// Row 8: a window that overflows (rust-yamux CVE-2026-31814).

const ROOM = 0xffffffff - INITIAL_WINDOW;

for (const [what, frames] of [
  ['SYN, then an update of 0xFFFF0000', [syn(1), windowUpdate(1, 0xffff0000)]],
  ['an update of 0xFFFF0000 on the SYN', [syn(1, 0xffff0000)]],
  ['two updates that pass it together', [syn(1), windowUpdate(1, ROOM), windowUpdate(1, 1)]],
  ['4,294,967,295 more than once', [syn(1, ROOM), windowUpdate(1, 0xffffffff)]],
] as const) {
  it(`${what}: the connection ends, no stream is left, the neighbour is served`, async () => {
    const streams: Stream[] = [];
    const ring = await arena({ handler: (stream) => void streams.push(stream) });
    try {
      ring.attacker.write(Buffer.concat(frames));
      const { kind, error } = await ring.victim.closed;
      assert.equal(kind, 'protocol-error');
      assert.match(String(error), /window of stream 1 would pass/);
      assert.equal(ring.victim.streams.size, 0);
      assert.ok(describeFrames(ring.received()).includes('GOAWAY 1'));
      assert.ok(streams.every(({ destroyed }) => destroyed));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('a window of 2^32-1 itself is legal, and no arithmetic wraps', () => {
  const harness = new YamuxHarness('client');
  const stream = harness.open();
  harness.receive(windowUpdate(1, ROOM, ACK));
  assert.equal(harness.machine.sendable(stream), 0xffffffff);
  harness.machine.data(stream, Buffer.alloc(10));
  harness.receive(windowUpdate(1, 10));
  assert.equal(harness.machine.sendable(stream), 0xffffffff);
});

it('a huge window makes nobody hold more: the outbound queue stays what it is', async () => {
  let taken = 0;
  const ring = await arena({
    deaf: true,
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
    ring.attacker.write(syn(1, ROOM));
    await until(() => taken > 0);
    let last = 0;
    while (taken !== last) {
      last = taken;
      await turns(200);
    }
    assert.ok(taken < 32 * 1024 * 1024, `${taken}`);
  } finally {
    await ring.stop();
  }
});
