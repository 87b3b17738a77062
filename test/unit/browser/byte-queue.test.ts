import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteQueue } from '../../../src/browser/byte-queue.js';
import { seededRandom } from '../../../src/testing/random.js';

function drain(queue: ByteQueue): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) pieces.push(piece);
  return pieces;
}

describe('ByteQueue', () => {
  test('gives back what it got, in order, whatever the sizes', () => {
    const random = seededRandom(7);
    const queue = new ByteQueue();
    const sent: number[] = [];
    const got: number[] = [];
    for (let turn = 0; turn < 500; turn++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() ** 4 * 5000) }, () => random() * 256);
      sent.push(...bytes);
      queue.push(bytes);
      if (random() < 0.3) got.push(...(queue.shift() ?? []));
      assert.equal(queue.length, sent.length - got.length);
    }
    for (const piece of drain(queue)) got.push(...piece);
    assert.deepEqual(got, sent);
    assert.equal(queue.length, 0);
  });

  test('puts small pieces together', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 100_000; i++) queue.push(Uint8Array.of(i));
    const pieces = drain(queue);
    assert.ok(pieces.length < 20, `${pieces.length} pieces`);
    const memory = pieces.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    assert.ok(memory < 150_000, `${memory} bytes`);
  });

  test('copies, so that neither a message nor another piece shares the memory of one', () => {
    const queue = new ByteQueue();
    const message = new Uint8Array(10_000);
    queue.push(message.subarray(0, 5000));
    queue.push(message.subarray(5000, 5010));
    const [first] = [queue.shift(), queue.push(message.subarray(5010, 5020))];
    const second = queue.shift();
    queue.push(Uint8Array.of(1));
    const third = queue.shift();
    assert.deepEqual([first?.length, second?.length, third?.length], [5000, 20, 1]);
    assert.equal(new Set([message.buffer, first?.buffer, second?.buffer, third?.buffer]).size, 4);
  });

  test('forgets all when cleared', () => {
    const queue = new ByteQueue();
    queue.push(new Uint8Array(100));
    queue.clear();
    assert.equal(queue.shift(), undefined);
    assert.equal(queue.length, 0);
  });
});
