import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

// As in test/interop/go/internal/digest: the period is no multiple of a usual frame size.
const PERIOD = 65_535;
const cycle = Buffer.alloc(2 * PERIOD);
for (let i = 0; i < cycle.length; i++) cycle[i] = ((i % PERIOD) * 31) % 251;

/** `total` bytes of the pattern that the Go peers know too, in chunks of up to 65,535 bytes. */
export function* patternChunks(total: number): Generator<Buffer> {
  for (let sent = 0; sent < total; sent += PERIOD) yield cycle.subarray(0, Math.min(PERIOD, total - sent));
}

/** The same as a stream. */
export function patternStream(total: number): Readable {
  return Readable.from(patternChunks(total), { objectMode: false, highWaterMark: 256 * 1024 });
}

/** Digest of the first `total` bytes of the pattern. */
export function patternSha256(total: number): string {
  const hash = createHash('sha256');
  for (const chunk of patternChunks(total)) hash.update(chunk);
  return hash.digest('hex');
}

/** Length and digest of everything that `source` gives. */
export async function digestOf(source: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
