import type { Duplex } from 'node:stream';
import {
  HEADER_PROTOCOL_VERSION,
  UpgradeFailureError,
  parseStatus,
  type UpgradeResponse,
} from '../httpstream/index.js';

/**
 * The socket of an answer that agreed to `token`; of any other answer the socket is destroyed.
 *
 * @throws UpgradeFailureError with the server's status and message.
 */
export function upgradedSocket(response: UpgradeResponse, token: string): Duplex {
  const { headers, socket } = response;
  const upgraded =
    response.statusCode === 101 &&
    (headers.connection ?? '').toLowerCase().includes('upgrade') &&
    (headers.upgrade ?? '').toLowerCase().includes(token.toLowerCase());
  if (upgraded && socket !== undefined) return socket;
  socket?.destroy();
  throw failureOf(response);
}

/** The stream protocol that the server chose; the empty string when it named none. */
export function chosenProtocol({ headers }: UpgradeResponse): string {
  const value = headers[HEADER_PROTOCOL_VERSION.toLowerCase()];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function failureOf(response: UpgradeResponse): UpgradeFailureError {
  const { statusCode, statusMessage } = response;
  const body = response.body.toString('utf8');
  const status = parseStatus(body);
  const message =
    statusCode === 101
      ? 'the answer lacks the upgrade headers'
      : (status?.message ?? (body.trim() === '' ? statusMessage : body.trim()));
  return new UpgradeFailureError(`unable to upgrade connection: ${statusCode} ${message}`, {
    initiator: 'remote',
    statusCode,
    body,
    ...(status === undefined ? {} : { status }),
  });
}
