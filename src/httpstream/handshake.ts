import type { IncomingMessage } from 'node:http';
import { TrunklineError } from '../errors/index.js';
import { HEADER_ACCEPTED_PROTOCOL_VERSIONS, HEADER_PROTOCOL_VERSION } from './constants.js';
import { headerValues } from './upgrade-request.js';

/** The client offered no protocol (400), or none that the server knows (403). */
export class HandshakeError extends TrunklineError {
  readonly code = 'ERR_HANDSHAKE';
  /** HTTP status to answer with. */
  readonly statusCode: 400 | 403;
  /** Headers to answer with. */
  readonly headers: Readonly<Record<string, readonly string[]>>;

  constructor(message: string, statusCode: 400 | 403, headers: Readonly<Record<string, readonly string[]>> = {}) {
    super(message, { initiator: 'remote' });
    this.statusCode = statusCode;
    this.headers = headers;
  }
}

/**
 * Chooses the stream protocol: the first that the client offers in `X-Stream-Protocol-Version` (repeated headers, comma
 * lists, or both) and the server knows. Send the result back in the same header of the 101.
 *
 * Source: apimachinery `httpstream.Handshake`.
 *
 * @throws HandshakeError with the status and headers of the answer.
 */
export function handshake(req: Pick<IncomingMessage, 'headersDistinct'>, serverProtocols: readonly string[]): string {
  const offered = headerValues(req, HEADER_PROTOCOL_VERSION)
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (offered.length === 0) {
    throw new HandshakeError(`unable to upgrade: ${HEADER_PROTOCOL_VERSION} header is required`, 400);
  }
  const chosen = offered.find((protocol) => serverProtocols.includes(protocol));
  if (chosen !== undefined) return chosen;
  throw new HandshakeError(
    `unable to upgrade: none of the client's protocols is supported: client ${JSON.stringify(offered)}, server ${JSON.stringify(serverProtocols)}`,
    403,
    { [HEADER_ACCEPTED_PROTOCOL_VERSIONS]: serverProtocols },
  );
}
