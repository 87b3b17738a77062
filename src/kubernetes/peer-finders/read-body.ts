import type { IncomingMessage } from 'node:http';
import { ConnectionLostError, LimitExceededError } from '../../errors/index.js';

/**
 * A whole body.
 *
 * @throws LimitExceededError when it is longer than `most` bytes; ConnectionLostError when it breaks off.
 */
export async function readAtMost(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new ConnectionLostError('the answer of the API server broke off', { initiator: 'remote', cause });
  }
  if (length > most) {
    throw new LimitExceededError('responseBytes', `the API server answered with more than ${most} bytes`);
  }
  return Buffer.concat(chunks);
}

/**
 * The lines of a body, without their ends. What stands behind the last line end is no line: a body that was cut in the
 * middle of one.
 *
 * @throws LimitExceededError for a line longer than `most` bytes; what the body fails with.
 */
export async function* linesOf(body: AsyncIterable<Buffer>, most: number): AsyncGenerator<string, void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      check(length + end - start, most);
      yield Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    check(length, most);
  }
}

function check(length: number, most: number): void {
  if (length > most) throw new LimitExceededError('lineBytes', `the API server sent a line of more than ${most} bytes`);
}
