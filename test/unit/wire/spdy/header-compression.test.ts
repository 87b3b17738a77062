import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { deflateRawSync, constants } from 'node:zlib';
import * as fc from 'fast-check';
import { LimitExceededError, ProtocolError } from '../../../../src/errors/index.js';
import { resolveLimits } from '../../../../src/limits/limits.js';
import { seededRandom } from '../../../../src/testing/random.js';
import { DICTIONARY } from '../../../../src/wire/spdy/dictionary.js';
import { HeaderCompressor } from '../../../../src/wire/spdy/header-compressor.js';
import { HeaderDecompressor } from '../../../../src/wire/spdy/header-decompressor.js';
import { StreamingCompressor, StreamingDecompressor, ZLIB_HEAD, headerBlock, stored } from '../../../support/frames.js';

const LEVELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const limits = resolveLimits();

/** Blocks as a long connection sends them: alike, some empty, some large, together well beyond the 32 KiB window. */
function blocks(count: number, seed: number): Buffer[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    if (index % 17 === 5) return Buffer.alloc(0);
    const noise = Buffer.from(
      Array.from({ length: Math.floor(random() * (index % 11 === 3 ? 5000 : 60)) }, () => random() * 256),
    );
    return Buffer.concat([
      headerBlock([
        ['streamtype', 'data'],
        ['port', String(index)],
        ['requestid', String(index)],
      ]),
      noise,
    ]);
  });
}

describe('header compression', () => {
  it('has the dictionary of the draft', () => {
    assert.equal(DICTIONARY.length, 1423);
    const digest = createHash('sha256').update(DICTIONARY).digest('hex');
    assert.ok(digest.startsWith('51d27341') && digest.endsWith('98407f02'), digest);
  });

  for (const level of LEVELS) {
    it(`level ${level}: one zlib stream reads all of our blocks`, async () => {
      const compressor = new HeaderCompressor(level);
      const reference = new StreamingDecompressor();
      try {
        for (const block of blocks(200, level)) {
          assert.deepEqual(await reference.decompress(compressor.compress(block)), block);
        }
      } finally {
        reference.close();
      }
    });

    it(`level ${level}: we read all blocks of one zlib stream`, async () => {
      const reference = new StreamingCompressor(level);
      const decompressor = new HeaderDecompressor(limits);
      try {
        for (const block of blocks(200, level + 100)) {
          const compressed = await reference.compress(block);
          // zlib writes nothing for a flush without input; no header block is empty.
          if (block.length > 0) assert.deepEqual(decompressor.decompress(compressed), block);
        }
      } finally {
        reference.close();
      }
    });

    it(`level ${level}: we read our own, whatever the blocks`, () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 }), (list) => {
          const compressor = new HeaderCompressor(level);
          const decompressor = new HeaderDecompressor(limits);
          for (const bytes of list) {
            const block = Buffer.from(bytes);
            assert.deepEqual(decompressor.decompress(compressor.compress(block)), block);
          }
        }),
        { numRuns: 20, seed: 4 },
      );
    });
  }

  it('begins with a zlib head that announces the dictionary, once', () => {
    for (const level of LEVELS) {
      const compressor = new HeaderCompressor(level);
      const first = compressor.compress(Buffer.from('abc'));
      assert.equal(first.readUInt16BE(0) % 31, 0);
      assert.equal(first.readUInt16BE(0) & 0x0f20, 0x0820);
      assert.deepEqual(first.subarray(2, 6), ZLIB_HEAD.subarray(2));
      assert.notDeepEqual(compressor.compress(Buffer.from('abc')).subarray(0, 2), first.subarray(0, 2));
    }
    assert.deepEqual(new HeaderCompressor(9).compress(Buffer.from('abc')).subarray(0, 6), ZLIB_HEAD);
  });

  it('level 0 says nothing through its length (CRIME)', () => {
    const secret = 'authorization: Bearer 0123456789abcdef';
    const lengths = [
      'authorization: Bearer 0123456789abcdeX',
      'authorization: Bearer 0123456789abcdef',
      'q'.repeat(38),
    ].map((guess) => {
      const compressor = new HeaderCompressor(0);
      compressor.compress(Buffer.from(secret));
      return compressor.compress(Buffer.from(guess)).length;
    });
    assert.equal(new Set(lengths).size, 1);
  });

  const sync = { finishFlush: constants.Z_SYNC_FLUSH, dictionary: DICTIONARY };
  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['a cut zlib head', ZLIB_HEAD.subarray(0, 5)],
    ['a zlib head without check bits', Buffer.concat([Buffer.from('78f8e3c6a7c2', 'hex'), stored(Buffer.from('a'))])],
    ['a zlib head without a dictionary', Buffer.concat([Buffer.from('789c', 'hex'), stored(Buffer.from('a'))])],
    ['another dictionary', Buffer.concat([Buffer.from('78f900000000', 'hex'), stored(Buffer.from('a'))])],
    ['another method', Buffer.concat([Buffer.from('7729e3c6a7c2', 'hex'), stored(Buffer.from('a'))])],
    ['no sync flush at its end', Buffer.concat([ZLIB_HEAD, stored(Buffer.from('a')).subarray(0, -1)])],
    ['bits that are no DEFLATE', Buffer.concat([ZLIB_HEAD, Buffer.from('ffffffffffffff0000ffff', 'hex')])],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => new HeaderDecompressor(limits).decompress(bytes), ProtocolError);
    });
  }

  it('maxHeaderBytes: takes as much, refuses one byte more, stored or not', () => {
    for (const pack of [stored, (block: Buffer) => deflateRawSync(block, sync)]) {
      const at = (size: number): Buffer =>
        new HeaderDecompressor(resolveLimits({ maxHeaderBytes: 2000 })).decompress(
          Buffer.concat([ZLIB_HEAD, pack(Buffer.alloc(size, 'x'))]),
        );
      assert.equal(at(2000).length, 2000);
      assert.throws(
        () => at(2001),
        (error) => error instanceof LimitExceededError && error.limit === 'maxHeaderBytes',
      );
    }
  });
});
