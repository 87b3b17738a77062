import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { resolveProxyOptions, type UpgradeAwareProxyOptions } from './options.js';
import { servePlain } from './plain.js';
import { serveUpgrade } from './upgrade.js';
import { upgradeHandler, type UpgradeHandler } from './upgrade-call.js';

/**
 * A reverse proxy for requests that may ask for an upgrade (apimachinery `proxy.UpgradeAwareHandler`).
 *
 * ```ts
 * const proxy = new UpgradeAwareProxy({ target: 'http://10.0.0.7:10250', useRequestLocation: true });
 * createServer(proxy.handleRequest).on('upgrade', proxy.handleUpgrade).listen(8080);
 * ```
 *
 * An upgrade connects caller and backend only after the backend's own 101. What a caller sends ahead of that is held
 * until then, and nobody sees it when the backend refuses. A refusal (400 and above) is passed on and both sockets are
 * closed; any other answer, redirects above all, is a 502 and is neither followed nor passed on.
 */
export class UpgradeAwareProxy {
  readonly #handleUpgrade: UpgradeHandler;
  readonly #handleRequest: (req: IncomingMessage, res: ServerResponse) => Promise<void>;

  /** @throws InvalidArgumentError for options that cannot work. */
  constructor(options: UpgradeAwareProxyOptions) {
    const settings = resolveProxyOptions(options);
    this.#handleUpgrade = upgradeHandler(settings, serveUpgrade);
    this.#handleRequest = (req, res) => servePlain(req, res, settings);
  }

  /** For `server.on('request')`. Never throws. */
  readonly handleRequest = (req: IncomingMessage, res: ServerResponse): void => {
    void this.#handleRequest(req, res);
  };

  /** For `server.on('upgrade')`. Never throws. */
  readonly handleUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#handleUpgrade(req, socket, head);
  };
}
