import type { IncomingMessage, ServerResponse } from 'node:http';
import { headerOf } from '../push/http/headers.js';
import { RequestError } from './errors.js';

/**
 * The body of a request as text.
 *
 * How long it may take is the server's to say (`requestTimeout`).
 *
 * @throws RequestError: 413 for more than `most` bytes, 415 for a coding or charset other than plain UTF-8, 400 for what is
 * not UTF-8 or breaks off.
 */
export async function readText(req: IncomingMessage, res: ServerResponse, most: number): Promise<string> {
  const coding = headerOf(req, 'content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new RequestError(415, 'ERR_UNSUPPORTED', 'the body must not be compressed');
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headerOf(req, 'content-type') ?? '')?.[1];
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(charset)) {
    throw new RequestError(415, 'ERR_UNSUPPORTED', 'the body must be UTF-8');
  }
  const bytes = await readBytes(req, res, most);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RequestError(400, 'ERR_BAD_REQUEST', 'the body is not UTF-8');
  }
}

function readBytes(req: IncomingMessage, res: ServerResponse, most: number): Promise<Buffer> {
  const tooLarge = new RequestError(413, 'ERR_TOO_LARGE', `the body must not have more than ${most} bytes`);
  if (Number(headerOf(req, 'content-length') ?? 0) > most) return Promise.reject(tooLarge);
  if (/^100-continue$/i.test(headerOf(req, 'expect') ?? '')) res.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > most) {
        chunks.length = 0;
        reject(tooLarge);
      } else chunks.push(chunk);
    });
    req.once('end', () => resolve(Buffer.concat(chunks)));
    req.once('error', reject);
    req.once('close', () => reject(new RequestError(400, 'ERR_BAD_REQUEST', 'the body broke off')));
  });
}

/** The media type of a body in lower case, without parameters; empty when none is said. */
export function mediaTypeOf(req: IncomingMessage): string {
  const [type = ''] = (headerOf(req, 'content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}
