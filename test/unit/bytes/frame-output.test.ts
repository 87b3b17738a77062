import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { FrameOutput } from '../../../src/bytes/frame-output.js';
import { bufferMemory } from '../../../src/bytes/memory.js';

describe('FrameOutput', () => {
  it('hands out exactly what was put in, in order, whatever the sizes', () => {
    const step = fc.record({
      size: fc.oneof(fc.nat(40), fc.integer({ min: 1000, max: 1050 }), fc.nat(70_000)),
      reserve: fc.boolean(),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const output = new FrameOutput(bufferMemory);
        const expected: Buffer[] = [];
        const taken: Buffer[] = [];
        steps.forEach(({ size, reserve, take }, index) => {
          const bytes = Buffer.alloc(reserve ? Math.min(size, 65_536) : size, index + 1);
          expected.push(bytes);
          if (reserve) {
            const offset = output.reserve(bytes.length);
            bytes.copy(output.slab, offset);
          } else output.append(bytes);
          if (take) taken.push(...output.take());
        });
        const before = Buffer.concat(taken).length;
        assert.equal(output.length, Buffer.concat(expected).length - before);
        taken.push(...output.take());
        assert.ok(Buffer.concat(taken).equals(Buffer.concat(expected)));
        assert.equal(output.length, 0);
        assert.deepEqual(output.take(), []);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('copies small payloads and passes large ones on', () => {
    const output = new FrameOutput(bufferMemory);
    const small = Buffer.alloc(1024, 1);
    const large = Buffer.alloc(1025, 2);
    output.append(small);
    output.append(large);
    small.fill(9);
    const parts = output.take();
    assert.equal(parts[0]?.[0], 1);
    assert.equal(parts[1], large);
  });

  it('what was taken does not change when more is written', () => {
    const output = new FrameOutput(bufferMemory);
    output.append(Buffer.from('first'));
    const [first] = output.take();
    output.append(Buffer.from('second'));
    assert.equal(first?.toString(), 'first');
    assert.equal(Buffer.concat(output.take()).toString(), 'second');
  });
});
