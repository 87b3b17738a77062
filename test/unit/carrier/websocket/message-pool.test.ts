import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessagePool } from '../../../../src/carrier/websocket/message-pool.js';

const FULL = 64 * 1024 + 1;

describe('message pool', () => {
  it('gives as many bytes as asked for, whatever the size', () => {
    const pool = new MessagePool();
    for (const length of [0, 1, 100, 16 * 1024, 40_000, FULL, FULL + 1, 1024 * 1024]) {
      const message = pool.take(length);
      assert.equal(message.length, length);
      pool.give(message);
      assert.equal(pool.take(length).length, length);
    }
  });

  it('uses the memory of a large message again, at another length too', () => {
    const pool = new MessagePool();
    const first = pool.take(FULL);
    pool.give(first);
    const second = pool.take(20_000);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.byteOffset, 0);
    pool.give(second);
    assert.equal(pool.take(FULL).buffer, first.buffer);
  });

  it('never gives the same memory to two that are out', () => {
    const pool = new MessagePool();
    const out = Array.from({ length: 40 }, () => pool.take(FULL));
    for (const message of out) pool.give(message);
    const memories = Array.from({ length: 40 }, () => pool.take(30_000).buffer);
    assert.equal(new Set(memories).size, 40);
  });

  it('takes back nothing that is not its own size, such as a slice of the pool of Node', () => {
    const pool = new MessagePool();
    const small = Buffer.from('short');
    pool.give(small);
    pool.give(Buffer.alloc(FULL + 1));
    const message = pool.take(FULL);
    assert.notEqual(message.buffer, small.buffer);
    assert.equal(message.buffer.byteLength, FULL);
  });
});
