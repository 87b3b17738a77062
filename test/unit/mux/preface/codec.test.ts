import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { ProtocolError, type ResetReason } from '../../../../src/errors/index.js';
import { resolveLimits } from '../../../../src/limits/limits.js';
import {
  decodeHeaders,
  decodeRefusal,
  encodeHeaders,
  encodeRefusal,
  HEAD_BYTES,
} from '../../../../src/mux/preface/codec.js';
import { Collector } from '../../../../src/mux/preface/collector.js';
import { pack } from '../../../support/yamux-preface.js';

const LIMITS = resolveLimits();
const name = fc.oneof(
  fc.stringMatching(/^[a-z0-9-]{1,20}$/),
  fc.constantFrom('__proto__', 'constructor', 'tostring', 'length', '0', '-1'),
);
const values = fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 4 });
const headers = fc.array(fc.tuple(name, values), { maxLength: 12 }).map((pairs) => [...new Map(pairs)]);

describe('preface codec', () => {
  it('headers come out as they went in', () => {
    fc.assert(
      fc.property(headers, (sent) => {
        const bytes = encodeHeaders(sent, LIMITS);
        assert.equal(bytes[0], 1);
        assert.equal(((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0), bytes.length - HEAD_BYTES);
        assert.deepEqual([...decodeHeaders(bytes.subarray(HEAD_BYTES), LIMITS)], sent);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it('refusals come out as they went in, printable', () => {
    const reasons: ResetReason[] = ['refused', 'cancel', 'invalid-credentials', 'frame-too-large'];
    fc.assert(
      fc.property(
        fc.constantFrom(...reasons),
        fc.string({ unit: 'grapheme-ascii', maxLength: 100 }),
        (reason, message) => {
          const bytes = encodeRefusal(reason, message);
          assert.deepEqual(decodeRefusal(bytes.subarray(HEAD_BYTES)), { reason, message });
        },
      ),
      { numRuns: 200, seed: 12 },
    );
  });

  it('whatever the bytes are: a map of lists of strings, or a protocol error', () => {
    const anything = fc.oneof(
      { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      {
        weight: 2,
        arbitrary: fc
          .anything({ withMap: true, withNullPrototype: true, withDate: true, withBigInt: false })
          .map((value) => {
            try {
              return pack(value);
            } catch {
              return new Uint8Array();
            }
          }),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(headers, fc.nat(), fc.nat(255)).map(([some, at, byte]) => {
          const bytes = encodeHeaders(some, LIMITS).subarray(HEAD_BYTES);
          bytes[at % bytes.length] = byte;
          return bytes;
        }),
      },
    );
    fc.assert(
      fc.property(anything, (body) => {
        for (const decode of [
          () => {
            for (const [key, list] of decodeHeaders(body, LIMITS)) {
              assert.equal(typeof key, 'string');
              assert.ok(Array.isArray(list) && list.every((item) => typeof item === 'string'));
            }
          },
          () => {
            const refusal = decodeRefusal(body);
            assert.deepEqual(Object.keys(refusal), ['reason', 'message']);
          },
        ]) {
          try {
            decode();
          } catch (error) {
            assert.ok(error instanceof ProtocolError, String(error));
          }
        }
        assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
      }),
      { numRuns: 3000, seed: 13 },
    );
  });

  it('a long message is cut', () => {
    const bytes = encodeRefusal('refused', 'x'.repeat(100_000));
    assert.equal(decodeRefusal(bytes.subarray(HEAD_BYTES)).message.length, 1024);
  });
});

describe('preface Collector', () => {
  it('takes what belongs to it, however the bytes are cut, and leaves the rest', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 20 }), fc.array(fc.nat(600)), (sent, behind, cuts) => {
        const bytes = Buffer.concat([encodeHeaders(sent, LIMITS), behind]);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        const collector = new Collector();
        let taken = 0;
        for (let i = 1; i < at.length; i++) {
          const chunk = bytes.subarray(at[i - 1], at[i]);
          const some = collector.complete ? 0 : collector.take(chunk, 65_535);
          assert.ok(some === chunk.length || collector.complete);
          taken += some;
        }
        assert.ok(collector.complete);
        assert.equal(taken, bytes.length - behind.length);
        assert.deepEqual([...decodeHeaders(collector.body, LIMITS)], sent);
      }),
      { numRuns: 300, seed: 14 },
    );
  });

  it('makes no room for a length above the limit', () => {
    const collector = new Collector();
    assert.equal(collector.take(Buffer.from([1, 4, 1, 0, 0]), 1024), HEAD_BYTES);
    assert.ok(collector.tooLong(1024));
    assert.equal(collector.body.length, 0);
    assert.equal(collector.complete, false);
  });
});
