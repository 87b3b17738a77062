import { sendUpgrade } from '../carrier/http-upgrade.js';
import { chosenProtocol, upgradedSocket } from '../carrier/upgraded.js';
import type { Connection, UpgradeRequest, UpgradeResponse, UpgradeRoundTripper } from '../httpstream/index.js';
import { resolveLimits } from '../limits/limits.js';
import { checkEngineOptionNames } from '../mux/options.js';
import { checkSpdyOptions, newSpdyClientConnection, type SpdyClientOptions } from './connection.js';
import { UPGRADE_TOKEN } from './token.js';

/** Upgrades requests to SPDY/3.1 (k8s.io/streaming `httpstream/spdy/roundtripper.go`). */
export class SpdyRoundTripper implements UpgradeRoundTripper {
  readonly #options: SpdyClientOptions;

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: SpdyClientOptions = {}) {
    checkEngineOptionNames('SpdyRoundTripper', options);
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
    const socket = upgradedSocket(response, UPGRADE_TOKEN);
    return newSpdyClientConnection(socket, { ...this.#options, head: response.head });
  }

  async dial(request: UpgradeRequest): Promise<{ connection: Connection; protocol: string }> {
    const response = await this.roundTrip(request);
    return { connection: this.newConnection(response), protocol: chosenProtocol(response) };
  }
}
