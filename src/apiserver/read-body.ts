import type { IncomingMessage, ServerResponse } from 'node:http';
import { statusError } from './status-error.js';

/**
 * Reads the body of a request, and answers `Expect: 100-continue` first. `undefined` when the client went away before its
 * end. How long a body may take is the server's `requestTimeout`.
 *
 * @param limit Bytes that a body may have.
 * @throws StatusError (413) for a longer one, of which no more than that is taken.
 */
export async function readBody(
  req: IncomingMessage,
  response: ServerResponse,
  limit: number,
): Promise<Buffer | undefined> {
  const tooLarge = (): Error => statusError(413, `the body of the request has more than ${limit} bytes`);
  if (Number(req.headers['content-length'] ?? 0) > limit) throw closing(response, tooLarge());
  if (/^100-continue$/i.test(req.headers.expect ?? '')) response.writeContinue();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw closing(response, tooLarge());
      chunks.push(chunk);
    }
  } catch (error) {
    if (req.errored === null) throw error;
    return undefined;
  }
  return Buffer.concat(chunks);
}

/** What is left of a body that was refused is not waited for. */
function closing(response: ServerResponse, error: Error): Error {
  response.setHeader('Connection', 'close');
  return error;
}
