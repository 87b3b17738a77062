import type { Readable } from 'node:stream';

/**
 * The text that comes on an error stream, when it is over, however it ends. `skip` bytes are left out in front, and what
 * is beyond `most` behind; `seen` is called when the first of the text is there. Never rejects.
 */
export function readErrorText(stream: Readable, most: number, skip = 0, seen?: () => void): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let skipped = 0;
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      const rest = chunk.subarray(Math.min(chunk.length, skip - skipped));
      skipped += chunk.length - rest.length;
      const piece = rest.subarray(0, most - length);
      if (piece.length === 0) return;
      if (length === 0) seen?.();
      chunks.push(piece);
      length += piece.length;
    });
    const done = (): void => resolve(Buffer.concat(chunks).toString('utf8').trim());
    stream.once('end', done).once('close', done);
    if (stream.destroyed) done();
  });
}
