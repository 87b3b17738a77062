import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { InvalidArgumentError, LimitExceededError, ProtocolError } from '../../../../src/errors/index.js';
import { resolveLimits } from '../../../../src/limits/limits.js';
import { decodeHeaderBlock, encodeHeaderBlock } from '../../../../src/wire/spdy/header-block.js';
import { headerBlock, words } from '../../../support/frames.js';

const limits = resolveLimits();
const FORBIDDEN = ['connection', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding'];
const name = fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/).filter((text) => !FORBIDDEN.includes(text));
const value = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !/[\0\r\n]/.test(text));
const headers = fc
  .uniqueArray(fc.tuple(name, fc.array(value, { minLength: 1, maxLength: 4 })), {
    selector: ([key]) => key,
    maxLength: 20,
  })
  .map((entries) => new Map(entries));

describe('header block', () => {
  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(headers, (map) => assert.deepEqual(decodeHeaderBlock(encodeHeaderBlock(map), limits), map)),
      { seed: 2 },
    );
  });

  it('lays out counts, lengths, names and NUL-joined values', () => {
    const block = encodeHeaderBlock([
      ['a', ['1', '2']],
      ['bc', ['']],
    ]);
    const expected = headerBlock([
      ['a', '1\x002'],
      ['bc', ''],
    ]);
    assert.deepEqual(block, expected);
  });

  it('never throws anything but its own errors, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          decodeHeaderBlock(Buffer.from(bytes), limits);
        } catch (error) {
          assert.ok(error instanceof ProtocolError || error instanceof LimitExceededError, String(error));
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  for (const [what, block] of [
    ['no count', Buffer.alloc(3)],
    ['a count without entries', words(1)],
    ['a length past the end', Buffer.concat([words(1, 100), Buffer.from('a'), words(0)])],
    ['a length of 4 GiB', Buffer.concat([words(1, 0xffffffff), Buffer.from('a')])],
    ['a name without a value', Buffer.concat([words(1, 1), Buffer.from('a')])],
    ['bytes left over', Buffer.concat([headerBlock([['a', 'b']]), Buffer.from('x')])],
    ['an empty name', headerBlock([['', 'b']])],
    ['an upper-case name', headerBlock([['streamType', 'error']])],
    [
      'a name twice',
      headerBlock([
        ['a', '1'],
        ['a', '2'],
      ]),
    ],
    ...FORBIDDEN.map((forbidden) => [`the name ${forbidden}`, headerBlock([[forbidden, 'x']])] as const),
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeHeaderBlock(block, limits), { code: 'ERR_PROTOCOL', initiator: 'remote' });
    });
  }

  it('maxHeaders: takes as many, refuses one more before it reads any', () => {
    const fields = Array.from({ length: 4 }, (_, index) => [`n${index}`, 'v'] as const);
    assert.equal(decodeHeaderBlock(headerBlock(fields), resolveLimits({ maxHeaders: 4 })).size, 4);
    assert.throws(
      () => decodeHeaderBlock(words(5), resolveLimits({ maxHeaders: 4 })),
      (error) => error instanceof LimitExceededError && error.limit === 'maxHeaders',
    );
  });

  it('does not send names that belong to the HTTP connection', () => {
    for (const forbidden of FORBIDDEN) {
      assert.throws(() => encodeHeaderBlock([[forbidden, ['x']]]), InvalidArgumentError);
    }
  });
});
