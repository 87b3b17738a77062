import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FIN, INITIAL_WINDOW, SYN, data, describeFrames, head } from '../support/yamux-frames.js';
import { arena, until } from './yamux-support.js';

// Row 9: a first frame that is too long leaves half-made state (rust-yamux CVE-2026-32314).

for (const [what, frame] of [
  ['262,145 bytes', data(1, Buffer.alloc(INITIAL_WINDOW + 1), SYN)],
  ['262,145 bytes and the end', data(1, Buffer.alloc(INITIAL_WINDOW + 1), SYN | FIN)],
  ['4 GiB - 1, of which only the head comes', head(0, SYN, 1, 0xffffffff)],
] as const) {
  for (const headers of [false, true]) {
    it(`DATA with SYN of ${what}, ${headers ? 'with' : 'without'} headers: an error, no handler, no stream left`, async () => {
      let started = 0;
      const ring = await arena({ options: { headers }, handler: () => void started++ });
      try {
        ring.attacker.write(frame);
        const { kind, error } = await ring.victim.closed;
        assert.equal(kind, 'protocol-error');
        assert.match(String(error), /window of stream 1/);
        assert.deepEqual([started, ring.victim.streams.size], [0, 0]);
        assert.deepEqual(describeFrames(ring.received()), ['GOAWAY 1']);
        await ring.checkHonest();
      } finally {
        await ring.stop();
      }
    });
  }
}

it('262,144 bytes are legal', async () => {
  let received = 0;
  const ring = await arena({
    handler: (stream) => void stream.on('data', (chunk: Buffer) => (received += chunk.length)),
  });
  try {
    ring.attacker.write(data(1, Buffer.alloc(INITIAL_WINDOW), SYN));
    await until(() => received === INITIAL_WINDOW);
    assert.equal(ring.victim.streams.size, 1);
  } finally {
    await ring.stop();
  }
});
