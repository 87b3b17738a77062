import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FrameFactory, headerBlock } from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';
import { arena, flood } from './spdy-support.js';

// Row 3: headers without end (the CONTINUATION flood of 2024, CVE-2024-27983).

it('endless HEADERS on one stream end the connection', async () => {
  const ring = await arena();
  try {
    const factory = new FrameFactory();
    const frames = [factory.synStream(1)];
    for (let i = 0; i < 2000; i++) frames.push(factory.headers(1, [[`h${i}`, 'x'.repeat(1000)]]));
    await flood(ring.attacker, Buffer.concat(frames));
    const { error } = await ring.victim.closed;
    assert.ok(error && 'limit' in error && error.limit === 'maxHeaderFramesPerStream', String(error));
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('endless HEADERS for streams that are not there end the connection', async () => {
  const ring = await arena({ options: { limits: { emptyFrameBurst: 1000, emptyFramesPerSecond: 1 } } });
  try {
    const factory = new FrameFactory();
    await flood(ring.attacker, Buffer.concat(Array.from({ length: 3000 }, () => factory.headers(7, [['a', 'b']]))));
    const { error } = await ring.victim.closed;
    assert.ok(error && 'limit' in error && error.limit === 'emptyFrameBurst', String(error));
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

for (const [limit, value, send] of [
  [
    'maxHeaderFramesPerStream',
    16,
    (peer: FrameFactory, count: number) => Array.from({ length: count }, () => peer.headers(1)),
  ],
  [
    'maxHeaders',
    128,
    (peer: FrameFactory, count: number) => [
      peer.headers(
        1,
        Array.from({ length: count }, (_, index) => [`n${index}`, 'v'] as const),
      ),
    ],
  ],
] as const) {
  it(`${limit}: the limit passes, one more does not`, () => {
    for (const more of [0, 1]) {
      const harness = new MachineHarness();
      const peer = new FrameFactory();
      harness.receive(peer.synStream(1));
      const error = harness.failure(...send(peer, value + more));
      assert.equal(error instanceof Error && 'limit' in error && error.limit === limit, more === 1, String(error));
    }
  });
}

it('a block as large as maxHeaderBytes passes, one byte more does not', () => {
  for (const more of [0, 1]) {
    const harness = new MachineHarness('server', { maxHeaderBytes: 10_000 });
    const fits = 10_000 - headerBlock([['a', '']]).length;
    const error = harness.failure(new FrameFactory().synStream(1, [['a', 'x'.repeat(fits + more)]]));
    assert.equal(
      error instanceof Error && 'limit' in error && error.limit === 'maxHeaderBytes',
      more === 1,
      String(error),
    );
  }
});
