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
import { checkYamuxOptions, newYamuxServerConnection, type YamuxConnectionOptions } from './connection.js';
import { HEADERS_TOKEN, PLAIN_TOKEN } from './token.js';

/** Settings of a {@link YamuxResponseUpgrader}. */
export interface YamuxUpgraderOptions extends Omit<YamuxConnectionOptions, 'headers'> {
  /**
   * Which modes are served: with `true` only the one with headers, with `false` only plain yamux. Default: both, as the
   * request's `Upgrade` token says.
   */
  readonly headers?: boolean;
}

/** Answers `Upgrade: yamux-headers/1` and `Upgrade: yamux` requests. */
export class YamuxResponseUpgrader implements ResponseUpgrader {
  readonly #options: YamuxUpgraderOptions;
  readonly #tokens: readonly string[];

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: YamuxUpgraderOptions = {}) {
    checkEngineOptionNames('YamuxResponseUpgrader', options);
    checkYamuxOptions(options);
    this.#options = options;
    this.#tokens = [HEADERS_TOKEN, PLAIN_TOKEN].filter(
      (token) => options.headers === undefined || (token === HEADERS_TOKEN) === options.headers,
    );
  }

  accepts(req: IncomingMessage): boolean {
    return isUpgradeRequest(req) && this.#tokenOf(req) !== undefined;
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
    const token = isUpgradeRequest(req) ? this.#tokenOf(req) : undefined;
    const { clock, limits } = this.#options;
    const timing = { clock, timeout: resolveLimits(limits).upgradeTimeout };
    const tokens = this.#tokens.map((name) => `"Upgrade: ${name}"`).join(' or ');
    if (!checkUpgrade(req, socket, token !== undefined, tokens, timing) || token === undefined) return undefined;
    writeSwitchingProtocols(socket, token, headers);
    const options = { ...this.#options, headers: token === HEADERS_TOKEN, head };
    return newYamuxServerConnection(socket, newStreamHandler, options);
  }

  /** The client's first token that is served: a list in order of preference (RFC 9110, 7.8). */
  #tokenOf(req: IncomingMessage): string | undefined {
    const offered = headerValues(req, 'upgrade').flatMap((value) => value.toLowerCase().split(','));
    return offered.map((token) => token.trim()).find((token) => this.#tokens.includes(token));
  }
}
