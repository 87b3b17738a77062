import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { appendCrc, crcShift } from '../../../../src/push/http/crc32.js';
import { chunkOf, GZIP_HEADER, gzipTrailer, Payload } from '../../../../src/push/http/payload.js';

describe('appendCrc', () => {
  it('is the CRC of both texts together', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 5_000 }), (first, second) => {
        const both = crc32(Buffer.concat([first, second]));
        assert.equal(appendCrc(crc32(first), crcShift(second.length), crc32(second)), both);
      }),
    );
  });

  it('knows lengths of more than 32 bits', () => {
    // x^(8 · n) for n of two halves is the product of both, whatever is shifted.
    const half = 2 ** 33;
    const twice = appendCrc(appendCrc(0xdeadbeef, crcShift(half), 0), crcShift(half), 0);
    assert.equal(appendCrc(0xdeadbeef, crcShift(2 * half), 0), twice);
  });
});

describe('Payload', () => {
  it('comes as it is, and as a chunk of HTTP/1.1', () => {
    const payload = Payload.of('data: é\n\n');
    assert.equal(payload.form({ gzip: false, chunked: false }).toString(), 'data: é\n\n');
    assert.equal(payload.form({ gzip: false, chunked: true }).toString(), 'a\r\ndata: é\n\n\r\n');
  });

  it('is made in each form once, whoever asks', () => {
    const payload = Payload.of('x'.repeat(1_000));
    for (const gzip of [false, true]) {
      for (const chunked of [false, true]) {
        assert.equal(payload.form({ gzip, chunked }), payload.form({ gzip, chunked }));
      }
    }
  });

  it('of no bytes is no chunk: it would end the response', () => {
    for (const gzip of [false, true]) {
      for (const chunked of [false, true]) assert.equal(Payload.of('').form({ gzip, chunked }).length, 0);
    }
    assert.equal(chunkOf(Buffer.alloc(0)).length, 0);
  });

  it('is whole DEFLATE blocks that look back at nothing', () => {
    const alike = 'id: 1\ndata: {"price":1}\n\n'.repeat(20);
    const [first, second] = [Payload.of(alike), Payload.of(alike)];
    const compressed = [first, second].map((payload) => payload.form({ gzip: true, chunked: false }));
    assert.ok((compressed[0]?.length ?? 0) < alike.length / 4);
    // The second alone can be read by who never saw the first.
    for (const blocks of compressed) {
      assert.equal(inflateRawSync(Buffer.concat([blocks, Buffer.from([3, 0])])).toString(), alike);
    }
  });

  it('ends with an empty block, for decoders that keep what they have until it comes', () => {
    for (const text of ['x', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(10_000)]) {
      const blocks = Payload.of(text).form({ gzip: true, chunked: false });
      assert.equal(blocks.subarray(-4).toString('hex'), '0000ffff');
    }
  });

  it('makes a whole gzip member of any payloads, between a header and a trailer', () => {
    const texts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 200, maxLength: 2_000 })));
    fc.assert(
      fc.property(texts, (pieces) => {
        const parts = [GZIP_HEADER];
        let crc = 0;
        for (const piece of pieces) {
          const payload = Payload.of(piece);
          parts.push(payload.form({ gzip: true, chunked: false }));
          crc = payload.crcBehind(crc);
        }
        const text = Buffer.from(pieces.map((piece) => Buffer.from(piece).toString()).join(''));
        parts.push(gzipTrailer(crc, text.length));
        assert.deepEqual(gunzipSync(Buffer.concat(parts)), text);
      }),
    );
  });

  it('counts the length modulo 2^32 in the trailer, as gzip does', () => {
    assert.equal(gzipTrailer(0, 2 ** 32 + 5).readUInt32LE(6), 5);
  });
});
