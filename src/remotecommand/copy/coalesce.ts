/** Joins small chunks, so that a header, a small file and its padding don't travel one by one. */
export async function* coalesce(
  source: AsyncIterable<Uint8Array>,
  bytes: number = 32 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    if (chunk.length === 0) continue;
    waiting.push(chunk);
    length += chunk.length;
    if (length < bytes) continue;
    yield joined(waiting);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield joined(waiting);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}
