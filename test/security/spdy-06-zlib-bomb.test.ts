import assert from 'node:assert/strict';
import { it } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { resolveLimits } from '../../src/limits/limits.js';
import { DICTIONARY } from '../../src/wire/spdy/dictionary.js';
import { HeaderDecompressor } from '../../src/wire/spdy/header-decompressor.js';
import { ZLIB_HEAD, control, words } from '../support/frames.js';
import { arena, flood, memory } from './spdy-support.js';

// Row 6: a header block that inflates without measure (CVE-2026-35469, CVE-2026-27571, CVE-2026-1526).

/** Inflates to a MiB for each KiB; repeated in one block, to as much as one likes. */
function bomb(megabytes: number): Buffer {
  const packed = deflateRawSync(Buffer.alloc(1024 * 1024), {
    level: 9,
    dictionary: DICTIONARY,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  return Buffer.concat([ZLIB_HEAD, ...Array.from({ length: megabytes }, () => packed)]);
}

it('1 GiB from 1 MiB: no more than maxHeaderBytes are produced', () => {
  const block = bomb(1024);
  const before = memory();
  const decompressor = new HeaderDecompressor(resolveLimits());
  assert.throws(
    () => decompressor.decompress(block),
    (error) => error instanceof Error && 'limit' in error && error.limit === 'maxHeaderBytes',
  );
  assert.ok(memory() - before < 1024 * 1024, `${memory() - before}`);
});

it('on a socket: the connection ends, no handler was called, the neighbour is served', async () => {
  let started = 0;
  const ring = await arena({ handler: () => void started++ });
  try {
    const block = bomb(60);
    await flood(ring.attacker, control(1, 0, Buffer.concat([words(1, 0), Buffer.alloc(2), block])));
    const { kind, error } = await ring.victim.closed;
    assert.equal(kind, 'protocol-error');
    assert.ok(error && 'limit' in error && error.limit === 'maxHeaderBytes', String(error));
    assert.equal(started, 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
