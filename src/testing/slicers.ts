import { seededRandom } from './random.js';

/** Says how long the next piece of `length` waiting bytes is, from 1 to `length`. */
export type Slicer = (length: number) => number;

/** Leaves chunks as they come. */
export const wholeChunks: Slicer = (length) => length;

/** Cuts to single bytes. */
export const oneByte: Slicer = () => 1;

/**
 * Cuts at random places that `seed` determines: half of the pieces are of 1 to 16 bytes, the others of up to `most`.
 *
 * @param most in bytes; default 4,096.
 */
export function randomSlices(seed: number, most = 4096): Slicer {
  const random = seededRandom(seed);
  return (length) => Math.min(length, 1 + Math.floor(random() * (random() < 0.5 ? Math.min(16, most) : most)));
}

/** The pieces of `chunk`, in order; views, not copies. */
export function* slices(chunk: Buffer, slicer: Slicer): Generator<Buffer, void> {
  for (let offset = 0; offset < chunk.length;) {
    const end = offset + Math.max(1, Math.min(chunk.length - offset, slicer(chunk.length - offset)));
    yield chunk.subarray(offset, end);
    offset = end;
  }
}
