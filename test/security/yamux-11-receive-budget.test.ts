import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../src/httpstream/index.js';
import { FIN, INITIAL_WINDOW, SYN, data, describeFrames, fin, ping, rst, syn } from '../support/yamux-frames.js';
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

it('a window that grows for a fast reader ends with it: when reading stops, no more than the budget is held', async () => {
  const streams: Stream[] = [];
  const limits = { maxStreams: 8, acceptBacklog: 2, receiveBudgetBytes: 4 * MiB, maxStreamWindowBytes: 4 * MiB };
  const ring = await arena({ options: { limits }, handler: (stream) => void streams.push(stream) });
  try {
    ring.attacker.write(syn(1));
    await until(() => streams.length === 1);
    const [stream] = streams;
    assert.ok(stream);
    let read = 0;
    const take = (chunk: Buffer): void => void (read += chunk.length);
    stream.on('data', take);
    let sent = 0;
    let seen = 0;
    let granted = INITIAL_WINDOW;
    const update = (): void => {
      const bytes = ring.received();
      for (; seen + 12 <= bytes.length; seen += 12) {
        // Answers to pings keep the measured round trip alive; all frames to this peer have no body.
        if (bytes[seen + 1] === 2) {
          const pong = Buffer.from(bytes.subarray(seen, seen + 12));
          pong[3] = 2;
          ring.attacker.write(pong);
        } else if (bytes[seen + 1] === 1) granted += bytes.readUInt32BE(seen + 8);
      }
    };
    const send = async (until_: () => boolean): Promise<void> => {
      while (!until_()) {
        update();
        const length = Math.min(granted, 256 * 1024);
        if (length > 0) {
          granted -= length;
          sent += length;
          await flood(ring.attacker, data(1, Buffer.alloc(length)));
        }
        await turns(1);
      }
    };
    await send(() => sent > 64 * MiB);
    stream.off('data', take);
    stream.pause();
    const from = read;
    let quiet = 0;
    let last = -1;
    await send(() => {
      quiet = sent === last ? quiet + 1 : 0;
      last = sent;
      return quiet > 100;
    });
    assert.ok(sent - from <= 4 * MiB + 256 * 1024, `${sent - from} unread`);
    assert.ok(stream.readableLength <= 4 * MiB, `${stream.readableLength}`);
    ring.attacker.write(fin(1));
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
