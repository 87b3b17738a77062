import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { YamuxHarness } from '../../../support/yamux-machine.js';

const KIB = 1024;

describe('the window that a stream begins with', () => {
  it('is what the specification fixes, and what streamBufferBytes asks for on top', () => {
    for (const [streamBufferBytes, delta] of [
      [64 * KIB, 0],
      [256 * KIB, 0],
      [1024 * KIB, 768 * KIB],
    ] as const) {
      const limits = { streamBufferBytes, maxStreams: 16, acceptBacklog: 16 };
      const { machine } = new YamuxHarness('client', limits);
      machine.open([], 'ours');
      const head = Buffer.concat(machine.output.take());
      assert.equal(head.readUInt32BE(8), delta, `${streamBufferBytes}`);
    }
  });

  it('is no more than the budget has to spare', () => {
    const limits = { streamBufferBytes: 1024 * KIB, maxStreams: 4, acceptBacklog: 2, receiveBudgetBytes: 4096 * KIB };
    const { machine } = new YamuxHarness('client', limits);
    const deltas = Array.from({ length: 6 }, () => {
      machine.open([], 'ours');
      return Buffer.concat(machine.output.take()).readUInt32BE(8) / KIB;
    });
    // 4,096 KiB less room for two new streams.
    assert.deepEqual(deltas, [768, 768, 768, 768, 512, 0]);
  });
});
