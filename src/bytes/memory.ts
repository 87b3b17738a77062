/** Gives memory of exactly this many bytes, which may hold anything. */
export type Allocate<Bytes extends Uint8Array = Buffer> = (bytes: number) => Bytes;

/** Memory of its own for each call, where Node's `Buffer` exists; see `ownCopy` for why not from its pool. */
export const bufferMemory: Allocate = (bytes) => Buffer.allocUnsafeSlow(bytes);
