import { sendUpgrade } from '../carrier/http-upgrade.js';
import {
  HEADER_PROTOCOL_VERSION,
  UpgradeFailureError,
  parseStatus,
  type Connection,
  type UpgradeRequest,
  type UpgradeResponse,
  type UpgradeRoundTripper,
} from '../httpstream/index.js';
import { resolveLimits } from '../limits/limits.js';
import { checkSpdyOptions, newSpdyClientConnection, type SpdyClientOptions } from './connection.js';
import { UPGRADE_TOKEN } from './token.js';

/** Upgrades requests to SPDY/3.1 (k8s.io/streaming `httpstream/spdy/roundtripper.go`). */
export class SpdyRoundTripper implements UpgradeRoundTripper {
  readonly #options: SpdyClientOptions;

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: SpdyClientOptions = {}) {
    checkSpdyOptions(options);
    this.#options = options;
  }

  async roundTrip(request: UpgradeRequest): Promise<UpgradeResponse> {
    const { clock } = this.#options;
    return await sendUpgrade(request, {
      upgrade: UPGRADE_TOKEN,
      limits: resolveLimits(this.#options.limits),
      ...(clock === undefined ? {} : { clock }),
    });
  }

  newConnection(response: UpgradeResponse): Connection {
    const { socket, headers } = response;
    const upgraded =
      response.statusCode === 101 &&
      (headers.connection ?? '').toLowerCase().includes('upgrade') &&
      (headers.upgrade ?? '').toLowerCase().includes(UPGRADE_TOKEN.toLowerCase());
    if (!upgraded || socket === undefined) {
      socket?.destroy();
      throw failureOf(response);
    }
    return newSpdyClientConnection(socket, { ...this.#options, head: response.head });
  }

  async dial(request: UpgradeRequest): Promise<{ connection: Connection; protocol: string }> {
    const response = await this.roundTrip(request);
    const connection = this.newConnection(response);
    const value = response.headers[HEADER_PROTOCOL_VERSION.toLowerCase()];
    return { connection, protocol: (Array.isArray(value) ? value[0] : value) ?? '' };
  }
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
