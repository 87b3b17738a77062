import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../src/httpstream/index.js';
import { newSpdyServerConnection } from '../../src/spdy/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { FIN, FrameFactory, data, describeFrames, ping } from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';
import { arena, flood, memory, turns, until } from './spdy-support.js';

// Row 13: very many tiny frames at once (yamux-js overflowed its stack; CVE-2026-48779, CVE-2026-12151).

it('1 MiB of 12-byte frames in one chunk: no recursion, all answered', async () => {
  const [peer, ours] = duplexPair({ highWaterMark: 4 * 1024 * 1024 });
  const connection = newSpdyServerConnection(ours, () => {}, { pingPeriod: 0 });
  let answered = 0;
  peer.on('data', (chunk: Buffer) => (answered += chunk.length));
  const bytes = Buffer.concat(Array.from({ length: 87_381 }, (_, index) => ping(2 * index + 1)));
  peer.write(bytes);
  await until(() => answered === bytes.length);
  peer.destroy();
  await connection.closed;
});

it('1 MiB of DATA of one byte each in one chunk: delivered in order', () => {
  const harness = new MachineHarness();
  harness.receive(new FrameFactory().synStream(1));
  harness.receive(Buffer.concat(Array.from({ length: 116_508 }, (_, index) => data(1, Buffer.from([index & 255])))));
  assert.equal(harness.takeEvents().length, 116_509);
});

it('1,000,000 DATA frames without a byte end the connection', async () => {
  const ring = await arena();
  try {
    await flood(ring.attacker, Buffer.concat([new FrameFactory().synStream(1), Buffer.alloc(8 * 1_000_000, data(1))]));
    const { error } = await ring.victim.closed;
    assert.ok(error && 'limit' in error && error.limit === 'emptyFrameBurst', String(error));
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('unread DATA of one byte each costs no more than its buffer may', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ deaf: true, handler: (stream) => void streams.push(stream) });
  try {
    let answered = 0;
    ring.attacker.on('data', (chunk: Buffer) => (answered += chunk.length));
    const factory = new FrameFactory();
    // Each piece sits in a chunk of its own weight, so that keeping a view would keep the chunk.
    const ballast = Buffer.concat(Array.from({ length: 3400 }, (_, index) => ping(2 * index + 1)));
    const frames = Array.from({ length: 10 }, (_, index) => factory.synStream(2 * index + 1));
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

it('a stream full of tiny unread pieces stops its connection, and all of them arrive when it is read', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ handler: (stream) => void streams.push(stream) });
  try {
    const count = 400_000;
    const factory = new FrameFactory();
    const written = flood(
      ring.attacker,
      Buffer.concat([factory.synStream(1), Buffer.alloc(9 * count, data(1, 'x')), data(1, '', FIN)]),
    );
    await until(() => (streams[0]?.readableLength ?? 0) > 0);
    await turns(200);
    const [stream] = streams;
    assert.ok(stream);
    assert.ok(stream.readableLength <= 64 * 1024, `${stream.readableLength} pieces`);
    let received = 0;
    stream.on('data', (chunk: Buffer) => (received += chunk.length));
    await until(() => stream.readableEnded);
    assert.equal(received, count);
    await written;
  } finally {
    await ring.stop();
  }
});

it('a reader that waits for more than the tiny pieces so far gets it', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ handler: (stream) => void streams.push(stream) });
  try {
    const want = 20_000;
    void flood(ring.attacker, Buffer.concat([new FrameFactory().synStream(1), Buffer.alloc(9 * want, data(1, 'x'))]));
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
