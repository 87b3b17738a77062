import type { IncomingMessage } from 'node:http';

/** The first `most` bytes of a body; what there is of it when it breaks off. Never rejects. */
export function readBody(response: IncomingMessage, most: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (): void => resolve(Buffer.concat(chunks).subarray(0, most));
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= most) done();
    });
    response.on('end', done).on('error', done).on('close', done);
  });
}
