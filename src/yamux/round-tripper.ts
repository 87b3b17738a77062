import { sendUpgrade } from '../carrier/http-upgrade.js';
import { chosenProtocol, upgradedSocket } from '../carrier/upgraded.js';
import type { Connection, UpgradeRequest, UpgradeResponse, UpgradeRoundTripper } from '../httpstream/index.js';
import { resolveLimits } from '../limits/limits.js';
import { checkEngineOptionNames } from '../mux/options.js';
import { checkYamuxOptions, newYamuxClientConnection, type YamuxClientOptions } from './connection.js';
import { upgradeToken } from './token.js';

/** Upgrades requests to yamux: with headers unless the option says otherwise. */
export class YamuxRoundTripper implements UpgradeRoundTripper {
  readonly #options: YamuxClientOptions;
  readonly #token: string;

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: YamuxClientOptions = {}) {
    checkEngineOptionNames('YamuxRoundTripper', options);
    checkYamuxOptions(options);
    this.#options = options;
    this.#token = upgradeToken(options.headers ?? true);
  }

  async roundTrip(request: UpgradeRequest): Promise<UpgradeResponse> {
    const { clock, limits } = this.#options;
    return await sendUpgrade(request, {
      upgrade: this.#token,
      limits: resolveLimits(limits),
      ...(clock === undefined ? {} : { clock }),
    });
  }

  newConnection(response: UpgradeResponse): Connection {
    const socket = upgradedSocket(response, this.#token);
    return newYamuxClientConnection(socket, { ...this.#options, head: response.head });
  }

  async dial(request: UpgradeRequest): Promise<{ connection: Connection; protocol: string }> {
    const response = await this.roundTrip(request);
    return { connection: this.newConnection(response), protocol: chosenProtocol(response) };
  }
}
