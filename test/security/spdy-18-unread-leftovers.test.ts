import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../src/httpstream/index.js';
import { FIN, FrameFactory, data, describeFrames } from '../support/frames.js';
import { arena, flood, memory, turns, until } from './spdy-support.js';

// Row 18: data that finished streams hold unread, in the hands of an application that is slow to read.

const KIB = 1024;
const LIMITS = { maxStreams: 8, streamBufferBytes: 64 * KIB, receiveBudgetBytes: 1024 * KIB };

it('finished streams with unread data count toward the receive budget, until they are read', async () => {
  const kept: Stream[] = [];
  const handler = (stream: Stream): void => {
    kept.push(stream);
    stream.end();
  };
  const ring = await arena({ handler, options: { limits: LIMITS } });
  try {
    const factory = new FrameFactory();
    let id = 1;
    const open = (bytes: number): Promise<void> => {
      const frames = [factory.synStream(id), data(id, Buffer.alloc(bytes), FIN)];
      id += 2;
      return flood(ring.attacker, Buffer.concat(frames));
    };
    const refusals = (): number => describeFrames(ring.received()).filter((line) => /^RST.*3/.test(line)).length;
    const before = memory();
    for (let i = 0; i < 60; i++) await open(60 * KIB);
    await until(() => kept.length + refusals() === 60);
    await turns(5);
    const held = kept.reduce((sum, { readableLength }) => sum + readableLength, 0);
    assert.ok(held <= LIMITS.receiveBudgetBytes, `${held} bytes held`);
    assert.ok(memory() - before < 6 * 1024 * KIB);
    const served = kept.length;
    for (const stream of kept) stream.resume();
    await until(() => kept.every(({ destroyed }) => destroyed));
    await open(10);
    await until(() => kept.length === served + 1);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('finished streams that the application forgot unread do not count for ever', async () => {
  let handled = 0;
  const handler = (stream: Stream): void => {
    handled++;
    stream.end();
  };
  const ring = await arena({ handler, options: { limits: LIMITS } });
  try {
    const factory = new FrameFactory();
    for (let id = 1; id < 401; id += 2) {
      const seen = handled;
      await flood(ring.attacker, Buffer.concat([factory.synStream(id), data(id, Buffer.alloc(60 * KIB), FIN)]));
      await turns(3);
      if (handled === seen) memory();
    }
    await turns(5);
    assert.ok(handled > 40, `${handled} streams served`);
  } finally {
    await ring.stop();
  }
});
