import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../src/httpstream/index.js';
import { ACK, INITIAL_WINDOW, SYN, data, describeFrames, ping, syn, windowUpdate } from '../support/yamux-frames.js';
import { YamuxHarness } from '../support/yamux-machine.js';
import { preface } from '../support/yamux-preface.js';
import { rawPeer } from '../support/yamux-raw.js';
import { arena, endedBy, flood, memory, until } from './yamux-support.js';

// Row 13: very many tiny frames at once (yamux-js overflowed its stack; CVE-2026-48779, CVE-2026-12151).

it('1 MiB of 12-byte frames in one chunk: no recursion, all answered', async () => {
  const { connection, peer } = rawPeer('server', () => {});
  let answered = 0;
  peer.on('data', (chunk: Buffer) => (answered += chunk.length));
  const bytes = Buffer.concat(Array.from({ length: 87_381 }, (_, index) => ping(index)));
  peer.write(bytes);
  await until(() => answered === bytes.length);
  peer.destroy();
  await connection.closed;
});

for (const [what, frame] of [
  ['window updates of 1', (): Buffer => windowUpdate(1, 1)],
  ['data of one byte', (index: number): Buffer => data(1, Buffer.from([index & 255]))],
] as const) {
  it(`1 MiB of ${what} in one chunk: read in a loop`, () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1));
    harness.receive(Buffer.concat(Array.from({ length: 80_000 }, (_, index) => frame(index))));
    assert.equal(harness.takeEvents().length, what.startsWith('data') ? 80_001 : 1);
  });
}

it('1,000,000 DATA frames without a byte end the connection', async () => {
  const ring = await arena();
  try {
    await flood(ring.attacker, Buffer.concat([syn(1), Buffer.alloc(12 * 1_000_000, data(1))]));
    endedBy((await ring.victim.closed).error, 'emptyFrameBurst');
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('1,000,000 empty frames with ACK on a stream of ours end the connection', async () => {
  const ring = await arena();
  try {
    ring.victim.openStream({});
    await flood(ring.attacker, Buffer.alloc(12 * 1_000_000, windowUpdate(2, 0, ACK)));
    endedBy((await ring.victim.closed).error, 'emptyFrameBurst');
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('unread DATA of one byte each, each in a chunk of its own weight, costs no more than its buffer may', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ deaf: true, handler: (stream) => void streams.push(stream) });
  try {
    let answered = 0;
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    // So that keeping a view would keep the chunk.
    const ballast = Buffer.concat(Array.from({ length: 3400 }, (_, index) => ping(index)));
    const frames = Array.from({ length: 10 }, (_, index) => syn(2 * index + 1));
    for (let i = 0; i < 600; i++) frames.push(data(2 * (i % 10) + 1, 'x'), ballast);
    const bytes = Buffer.concat(frames);
    const before = memory();
    await flood(ring.attacker, bytes);
    await until(() => streams.length === 10 && streams.every(({ readableLength }) => readableLength === 60));
    await until(() => answered >= 600 * ballast.length);
    const grown = memory() - before;
    assert.ok(grown < 12 * 1024 * 1024, `${grown}`);
  } finally {
    await ring.stop();
  }
});

it('a whole window of one-byte DATA that nobody reads costs little more than its bytes, and arrives whole when it is read', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ handler: (stream) => void streams.push(stream) });
  try {
    const bytes = Buffer.concat([
      ...Array.from({ length: 8 }, (_, index) => syn(2 * index + 1)),
      ...Array.from({ length: 8 }, (_, index) => Buffer.alloc(13 * INITIAL_WINDOW, data(2 * index + 1, 'x'))),
    ]);
    const before = memory();
    await flood(ring.attacker, bytes);
    await until(() => streams.length === 8 && streams.every(({ readableLength }) => readableLength === INITIAL_WINDOW));
    const grown = memory() - before;
    assert.ok(grown < 8 * (INITIAL_WINDOW + 256 * 1024), `${grown}`);
    let received = 0;
    streams[0]?.on('data', (chunk: Buffer) => (received += chunk.length));
    await until(() => received === INITIAL_WINDOW);
    // It is a stream like any other then.
    ring.attacker.write(data(1, 'more'));
    await until(() => received === INITIAL_WINDOW + 4);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('a reader that waits for more than the tiny pieces so far gets it', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ handler: (stream) => void streams.push(stream) });
  try {
    const want = 200_000;
    void flood(ring.attacker, Buffer.concat([syn(1), Buffer.alloc(13 * want, data(1, 'x'))]));
    await until(() => (streams[0]?.readableLength ?? 0) > 0);
    const [stream] = streams;
    assert.ok(stream);
    let got: unknown = null;
    const take = (): void => void (got ??= stream.read(want));
    stream.on('readable', take);
    take();
    await until(() => got !== null);
    assert.ok(Buffer.isBuffer(got) && got.length === want);
    assert.ok(!describeFrames(ring.received()).some((line) => line.startsWith('GOAWAY')));
  } finally {
    await ring.stop();
  }
});

it('prefaces that come a byte per frame, on as many streams as may: bounded, and all are opened', async () => {
  const ids: number[] = [];
  const ring = await arena({ options: { headers: true }, handler: (stream) => void ids.push(stream.id) });
  try {
    const first = preface([['a', ['x'.repeat(100)]]]);
    const frames: Buffer[] = Array.from({ length: 64 }, (_, index) => data(2 * index + 1, '', SYN));
    for (const byte of first) for (let id = 1; id < 128; id += 2) frames.push(data(id, Buffer.of(byte)));
    await flood(ring.attacker, Buffer.concat(frames));
    await until(() => ids.length === 64);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
