import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  absorbErrors,
  checkUpgrade,
  headerValues,
  isUpgradeRequest,
  writeSwitchingProtocols,
  type Connection,
  type HeadersInit,
  type NewStreamHandler,
  type ResponseUpgrader,
} from '../httpstream/index.js';
import { resolveLimits } from '../limits/limits.js';
import { checkEngineOptionNames, checkStreamHandler } from '../mux/options.js';
import { checkSpdyOptions, newSpdyServerConnection, type SpdyConnectionOptions } from './connection.js';
import { UPGRADE_TOKEN } from './token.js';

/** Answers `Upgrade: SPDY/3.1` requests (k8s.io/streaming `httpstream/spdy/upgrade.go`). */
export class SpdyResponseUpgrader implements ResponseUpgrader {
  readonly #options: SpdyConnectionOptions;

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: SpdyConnectionOptions = {}) {
    checkEngineOptionNames('SpdyResponseUpgrader', options);
    checkSpdyOptions(options);
    this.#options = options;
  }

  accepts(req: IncomingMessage): boolean {
    return isUpgradeRequest(req) && wantsSpdy(req);
  }

  /**
   * Sends the 101 and returns the connection; a request without the upgrade headers, or with a body, gets 400 and `undefined`.
   *
   * @param headers go into the 101; put the protocol that `handshake` chose here.
   * @throws InvalidArgumentError, before anything is sent, for unusable headers.
   */
  upgradeResponse(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    newStreamHandler: NewStreamHandler,
    headers: HeadersInit = {},
  ): Connection | undefined {
    checkStreamHandler(newStreamHandler);
    absorbErrors(socket);
    const { clock, limits } = this.#options;
    const timing = { clock, timeout: resolveLimits(limits).upgradeTimeout };
    if (!checkUpgrade(req, socket, this.accepts(req), `"Upgrade: ${UPGRADE_TOKEN}"`, timing)) return undefined;
    writeSwitchingProtocols(socket, UPGRADE_TOKEN, headers);
    return newSpdyServerConnection(socket, newStreamHandler, { ...this.#options, head });
  }
}

function wantsSpdy(req: IncomingMessage): boolean {
  return headerValues(req, 'upgrade').some((value) => value.toLowerCase().includes(UPGRADE_TOKEN.toLowerCase()));
}
