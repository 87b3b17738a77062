/**
 * A copy with memory of its own. `Buffer.from` takes small copies from a pool that all of the process shares, and each
 * piece that lives on keeps a whole block of it: 8 KiB, and 64 KiB from Node 26 on. What a peer can make this side keep must
 * not count for less than it holds.
 */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
