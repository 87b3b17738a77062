import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Channel } from '../../../../src/push/log/channel.js';
import { Entry } from '../../../../src/push/log/entry.js';
import { StoredEvent } from '../../../../src/push/log/event.js';
import { HistoryOrder } from '../../../../src/push/log/history-order.js';

const CHANNEL = Object.create(null) as Channel;

function entry(index: number, data = ''): Entry {
  const fields = { stream: 'a', type: 'message', data, origin: 'aaaaaaaa', n: index, index, time: 0, key: undefined };
  return new Entry(new StoredEvent(fields), `aaaaaaaa${index}`);
}

describe('HistoryOrder', () => {
  it('keeps the order when entries leave from anywhere', () => {
    const order = new HistoryOrder();
    const entries = Array.from({ length: 6 }, (_, i) => entry(i + 1));
    for (const each of entries) order.add(CHANNEL, each);
    for (const at of [2, 5, 0]) order.remove(entries[at] ?? entry(0));
    const left: number[] = [];
    for (let { oldest } = order; oldest !== undefined; { oldest } = order) {
      left.push(oldest.item.index);
      order.remove(oldest);
    }
    assert.deepEqual(left, [2, 4, 5]);
    assert.deepEqual([order.size, order.bytes, order.oldest], [0, 0, undefined]);
  });
  it('counts bytes, and takes out nothing twice', () => {
    const order = new HistoryOrder();
    const [first, second] = [entry(1, 'xy'), entry(2)];
    order.add(CHANNEL, first);
    order.add(CHANNEL, second);
    assert.equal(order.bytes, first.bytes + second.bytes);
    assert.equal(first.bytes - second.bytes, 2);
    order.remove(first);
    order.remove(first);
    assert.deepEqual([order.size, order.bytes, order.oldest], [1, second.bytes, second]);
    order.add(CHANNEL, first);
    assert.equal(order.oldest, second);
  });
});
