import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NewStreamHandler, Stream } from '../../src/httpstream/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { ACK, FIN, INITIAL_WINDOW, RST, SYN, data, describeFrames, ping, rst, syn } from '../support/yamux-frames.js';
import type { Arena } from './spdy-support.js';
import { arena, flood, memory, turns, until } from './yamux-support.js';

// Row 11: receive windows add up over streams, and yamux has none for the connection.

const MiB = 1024 * 1024;
const answers = (bytes: Buffer, kind: string): number =>
  describeFrames(bytes).filter((line) => line.endsWith(kind)).length;

it('unread streams at the cap: what they hold together stays within the budget, and their windows stay shut', async () => {
  const streams: Stream[] = [];
  const ring = await arena({ handler: (stream) => void streams.push(stream) });
  try {
    const window = Buffer.alloc(INITIAL_WINDOW, 'x');
    const before = memory();
    for (let index = 0; index < 300; index++) {
      await flood(ring.attacker, data(2 * index + 1, window, SYN));
    }
    await flood(ring.attacker, ping(99));
    await until(() => ring.received().includes(ping(99, 2)));
    const held = streams.reduce((sum, stream) => sum + stream.readableLength, 0);
    assert.equal(streams.length, 256);
    assert.equal(held, 64 * MiB);
    const grown = memory() - before;
    assert.ok(grown < 80 * MiB, `${grown}`);
    assert.equal(answers(ring.received(), 'ack 0'), 256);
    assert.equal(answers(ring.received(), 'rst 0'), 44);
    assert.ok(!describeFrames(ring.received()).some((line) => /^WINDOW \d+ \d+$/.test(line)), 'a window was opened');
    await ring.checkHonest();
    // Read, they go on.
    streams[0]?.resume();
    await until(() => describeFrames(ring.received()).some((line) => /^WINDOW 1 \d+$/.test(line)));
    assert.equal(ring.victim.streams.size, 256);
  } finally {
    await ring.stop();
  }
});

it('receiveBudgetBytes: as many streams as have room, not one more; finished streams count while they hold something', async () => {
  const streams: Stream[] = [];
  const limits = { maxStreams: 4, receiveBudgetBytes: 4 * INITIAL_WINDOW };
  const ring = await arena({
    options: { limits },
    handler: (stream) => void streams.push(stream.on('error', () => {})),
  });
  try {
    const window = Buffer.alloc(INITIAL_WINDOW, 'x');
    // Four that are over on the wire, each of which somebody keeps without reading it.
    for (let id = 1; id < 9; id += 2) {
      await flood(ring.attacker, data(id, window, SYN | FIN));
      await until(() => streams.length === (id + 1) / 2);
      streams.at(-1)?.end();
    }
    await until(() => ring.victim.streams.size === 0);
    ring.attacker.write(syn(101));
    await until(() => describeFrames(ring.received()).includes('WINDOW 101 rst 0'));
    assert.equal(streams.length, 4);
    // One is read to its end, and its room is free.
    streams[0]?.resume();
    await until(() => streams[0]?.readableEnded === true);
    await turns(20);
    ring.attacker.write(syn(103));
    await until(() => describeFrames(ring.received()).includes('WINDOW 103 ack 0'));
    // Another is let go.
    streams[1]?.destroy();
    await turns(20);
    ring.attacker.write(Buffer.concat([syn(105), syn(107)]));
    await until(() => describeFrames(ring.received()).includes('WINDOW 107 rst 0'));
    assert.ok(describeFrames(ring.received()).includes('WINDOW 105 ack 0'));
  } finally {
    await ring.stop();
  }
});

it('a window is not given out twice: to a stream that was reset with its bytes unread', async () => {
  const streams: Stream[] = [];
  const limits = { maxStreams: 8, receiveBudgetBytes: 8 * INITIAL_WINDOW, resetBurst: 10_000 };
  const ring = await arena({
    options: { limits },
    handler: (stream) => void streams.push(stream.on('error', () => {})),
  });
  try {
    const window = Buffer.alloc(INITIAL_WINDOW, 'x');
    const before = memory();
    for (let index = 0; index < 400; index++) {
      await flood(ring.attacker, Buffer.concat([data(2 * index + 1, window, SYN), rst(2 * index + 1)]));
    }
    await flood(ring.attacker, ping(99));
    await until(() => ring.received().includes(ping(99, 2)));
    const held = streams.reduce((sum, stream) => sum + stream.readableLength, 0);
    assert.ok(held <= 8 * INITIAL_WINDOW, `${held}`);
    const grown = memory() - before;
    assert.ok(grown < 8 * MiB, `${grown}`);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

/** Sends as much as it may on streams of its own, 50 ms away: everything between its answers to pings happens at once. */
class Sender {
  readonly #ring: Arena;
  readonly #clock: VirtualClock;
  readonly #granted = new Map<number, number>();
  readonly refused = new Set<number>();
  #seen = 0;

  constructor(ring: Arena, clock: VirtualClock) {
    this.#ring = ring;
    this.#clock = clock;
  }

  open(id: number): void {
    this.#granted.set(id, INITIAL_WINDOW);
    this.#ring.attacker.write(syn(id));
  }

  /** Sends until `enough` says so of the bytes sent, or nothing was let through for 100 turns. */
  async send(id: number, enough: (sent: number) => boolean): Promise<number> {
    let sent = 0;
    for (let quiet = 0; quiet < 100 && !enough(sent); quiet++) {
      this.#read();
      const length = Math.min(this.#granted.get(id) ?? 0, INITIAL_WINDOW);
      if (length > 0) {
        this.#granted.set(id, (this.#granted.get(id) ?? 0) - length);
        await flood(this.#ring.attacker, data(id, Buffer.alloc(length)));
        sent += length;
        quiet = 0;
      }
      await turns(1);
    }
    return sent;
  }

  /** All frames to this peer have no body. */
  #read(): void {
    const bytes = this.#ring.received();
    for (; this.#seen + 12 <= bytes.length; this.#seen += 12) {
      const frame = bytes.subarray(this.#seen, this.#seen + 12);
      const id = frame.readUInt32BE(4);
      if (frame[1] === 2) {
        this.#clock.advance(50);
        this.#ring.attacker.write(ping(frame.readUInt32BE(8), ACK));
      } else if (((frame[3] ?? 0) & RST) !== 0) this.refused.add(id);
      else this.#granted.set(id, (this.#granted.get(id) ?? 0) + frame.readUInt32BE(8));
    }
  }
}

const GROWING = { maxStreams: 8, acceptBacklog: 1, receiveBudgetBytes: 4 * MiB, maxStreamWindowBytes: 2 * MiB };

/** Reads each stream until it is told to stop; its handlers never end. */
function stoppable(): { readonly handler: NewStreamHandler; readonly streams: Stream[]; stop(index: number): void } {
  const streams: Stream[] = [];
  const take = (): void => {};
  return {
    streams,
    stop: (index) => void streams[index]?.off('data', take).pause(),
    handler: async (stream) => {
      streams.push(stream.on('data', take).on('error', () => {}));
      await new Promise(() => {});
    },
  };
}

it('a window that grows for a fast reader ends with it: when reading stops, no more than that window is held', async () => {
  const { handler, streams, stop } = stoppable();
  const clock = new VirtualClock();
  const ring = await arena({ options: { limits: GROWING, clock }, handler });
  try {
    const sender = new Sender(ring, clock);
    sender.open(1);
    await sender.send(1, (sent) => sent > 64 * MiB);
    stop(0);
    const before = streams[0]?.readableLength ?? 0;
    await sender.send(1, () => false);
    const held = streams[0]?.readableLength ?? 0;
    assert.ok(held > 2 * INITIAL_WINDOW, `the window never grew: ${held}`);
    assert.ok(before <= held && held <= 2 * MiB, `${held}`);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('grown windows, one after the other, each full when its stream is reset: together within the budget', async () => {
  const { handler, streams, stop } = stoppable();
  const clock = new VirtualClock();
  const ring = await arena({ options: { limits: GROWING, clock }, handler });
  try {
    const sender = new Sender(ring, clock);
    const held = (): number => streams.reduce((sum, { readableLength }) => sum + readableLength, 0);
    for (let index = 0; index < 8; index++) {
      const id = 2 * index + 1;
      sender.open(id);
      await sender.send(id, (sent) => sent > 16 * MiB);
      stop(index);
      await sender.send(id, () => false);
      ring.attacker.write(rst(id));
      await turns(20);
      assert.ok(held() <= 4 * MiB, `${held()} after stream ${id}`);
      if (sender.refused.has(id)) break;
    }
    assert.ok(held() > 3 * MiB, `${held()}`);
    assert.ok(sender.refused.size > 0, 'there was always room');
    // Who reads what is left, or lets it go, makes room again.
    for (const stream of streams) stream.destroy();
    await turns(20);
    sender.open(101);
    assert.ok((await sender.send(101, (sent) => sent > 1 * MiB)) > 1 * MiB);
    assert.ok(!sender.refused.has(101));
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
