import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Messages } from '../../../../src/carrier/websocket/messages.js';

const MOST = 64 * 1024;

function all(pieces: readonly Buffer[], most = MOST): Buffer[] {
  const messages = new Messages(pieces, most);
  const made: Buffer[] = [];
  for (let next = messages.next(); next !== undefined; next = messages.next()) made.push(next.bytes);
  return made;
}

function numbered(lengths: readonly number[]): Buffer[] {
  let at = 0;
  return lengths.map((length) => Buffer.from(Array.from({ length }, () => at++ & 0xff)));
}

describe('messages', () => {
  it('hold the bytes in order, none is empty, none too long', () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40_000 })));
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 70_000 }), (sizes, most) => {
        const pieces = numbered(sizes);
        const made = all(pieces, most);
        assert.ok(Buffer.concat(made).equals(Buffer.concat(pieces)));
        assert.ok(made.every(({ length }) => length > 0 && length <= most));
      }),
      { seed: 20_261_121, numRuns: 100 },
    );
  });

  it('join small pieces', () => {
    assert.deepEqual(
      all(numbered([1, 2, 0, 3, 8_000])).map(({ length }) => length),
      [8_006],
    );
  });

  it('leave large pieces where they are, and what is beside them apart', () => {
    const [head, large, tail] = numbered([12, 16 * 1024, 5]);
    assert.ok(head !== undefined && large !== undefined && tail !== undefined);
    const made = all([head, large, tail, head]);
    assert.deepEqual(
      made.map(({ length }) => length),
      [12, 16 * 1024, 17],
    );
    assert.equal(made[1], large);
  });

  it('cut what is too long without a copy', () => {
    const large = Buffer.alloc(3 * MOST + 1);
    const made = all([large]);
    assert.deepEqual(
      made.map(({ length }) => length),
      [MOST, MOST, MOST, 1],
    );
    assert.ok(made.every(({ buffer }) => buffer === large.buffer));
  });

  it('a single small piece is not copied', () => {
    const [piece] = numbered([12]);
    assert.ok(piece !== undefined);
    assert.equal(all([Buffer.alloc(0), piece, Buffer.alloc(0)])[0]?.length, 12);
    assert.equal(all([piece])[0], piece);
  });
});
