import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Channel } from '../../../src/sse/channel.js';

async function rest<T>(channel: Channel<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of channel) items.push(item);
  return items;
}

describe('Channel', () => {
  it('gives what was pushed, then the end', async () => {
    const channel = new Channel<number>(4);
    channel.push(1);
    channel.push(2);
    channel.close();
    channel.push(3);
    assert.deepEqual(await rest(channel), [1, 2]);
    assert.deepEqual(await rest(channel), []);
  });
  it('wakes readers that wait, in order', async () => {
    const channel = new Channel<number>(4);
    const reader = channel[Symbol.asyncIterator]();
    const waiting = [reader.next(), reader.next(), reader.next()];
    channel.push(1);
    channel.push(2);
    channel.close();
    assert.deepEqual(await Promise.all(waiting), [
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
    ]);
  });
  it('has no room at its capacity, and room again below it or when closed', async () => {
    const channel = new Channel<number>(2);
    channel.push(1);
    assert.equal(channel.room(), undefined);
    channel.push(2);
    const room = channel.room();
    assert.ok(room !== undefined);
    await channel[Symbol.asyncIterator]().next();
    await room;
    channel.push(3);
    const again = channel.room();
    channel.close();
    await again;
    assert.equal(channel.room(), undefined);
  });
  it('pushLatest drops the oldest', async () => {
    const channel = new Channel<number>(2);
    for (const item of [1, 2, 3]) channel.pushLatest(item);
    channel.close();
    assert.deepEqual(await rest(channel), [2, 3]);
  });
  it('leaving an iteration leaves the rest', async () => {
    const channel = new Channel<number>(4);
    channel.push(1);
    channel.push(2);
    for await (const item of channel) {
      assert.equal(item, 1);
      break;
    }
    channel.close();
    assert.deepEqual(await rest(channel), [2]);
  });
  it('reopened, it goes on where it was', async () => {
    const channel = new Channel<number>(4);
    channel.push(1);
    channel.close();
    channel.reopen();
    channel.push(2);
    channel.close();
    assert.deepEqual(await rest(channel), [1, 2]);
  });
});
