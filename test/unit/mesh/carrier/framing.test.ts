import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Deframer, framed } from '../../../../src/mesh/carrier/framing.js';

describe('frames of a link', () => {
  it('are the same for every split of the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        (messages, sizes) => {
          const bytes = Buffer.concat(messages.map(framed));
          const got: string[] = [];
          const deframer = new Deframer((message) => got.push(Buffer.from(message).toString('hex')));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            deframer.push(bytes.subarray(at, at + size));
            at += size;
          }
          assert.deepEqual(
            got,
            messages.map((message) => Buffer.from(message).toString('hex')),
          );
        },
      ),
    );
  });

  it('are refused by their length alone', () => {
    const deframer = new Deframer(() => assert.fail('nothing is whole'), 1_000);
    const head = framed(new Uint8Array(1_001)).subarray(0, 8);
    assert.throws(() => deframer.push(head), { code: 'ERR_PROTOCOL', message: /too long/ });
    const taken: number[] = [];
    const other = new Deframer((message) => taken.push(message.length), 1_000);
    other.push(framed(new Uint8Array(1_000)));
    assert.deepEqual(taken, [1_000]);
  });

  it('F17: are refused when any single bit of them was flipped, a length at once', () => {
    const bytes = framed(Buffer.from('a message of a pod'));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const deframer = new Deframer(() => assert.fail(`bit ${bit} was not missed`));
      const given = bit < 32 ? flipped.subarray(0, 8) : flipped;
      assert.throws(() => deframer.push(given), { code: 'ERR_PROTOCOL' }, `bit ${bit}`);
    }
  });
});
