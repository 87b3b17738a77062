import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  acceptDuplexNow,
  isWebSocketRequest,
  offeredProtocols,
  originRefusal,
  type AcceptedDuplex,
  type OriginOptions,
  type Refusal,
} from '../carrier/websocket/index.js';
import { ConnectionLostError } from '../errors/index.js';
import {
  UpgradeFailureError,
  type Connection,
  type HeadersInit,
  type NewStreamHandler,
  type ResponseUpgrader,
} from '../httpstream/index.js';
import type { OptionNames } from '../limits/option-names.js';
import { checkEngineOptionNames, checkStreamHandler } from '../mux/options.js';
import type { SpdyConnectionOptions } from '../spdy/index.js';
import { checkEngineOptions, newEngineConnection, type WebSocketEngineOptions } from './engine.js';
import { ENGINE_SUBPROTOCOLS, engineSubprotocol } from './subprotocols.js';

/** Settings of a {@link WebSocketResponseUpgrader}. */
export interface WebSocketUpgraderOptions extends WebSocketEngineOptions, OriginOptions {
  /**
   * Looks at a request that is otherwise acceptable, its Origin included, and answers at once. What it returns is answered
   * instead of the upgrade; when it throws, 500. Default: everything is accepted.
   */
  readonly verify?: (req: IncomingMessage) => Refusal | undefined;
}

const OWN_OPTIONS: OptionNames<Omit<WebSocketUpgraderOptions, keyof SpdyConnectionOptions>> = {
  protocols: true,
  allowedOrigins: true,
  allowedHosts: true,
  verify: true,
};

/**
 * Answers WebSocket requests that offer an engine as their subprotocol: yamux or SPDY inside a WebSocket, which passes any
 * proxy and reaches browsers.
 *
 * By default a request whose Origin is not the host that it is sent to is refused with 403: a page of a stranger must not
 * use the credentials of whoever looks at it. See `allowedOrigins` and `allowedHosts`. Requests without an Origin come
 * from no browser and are not touched by that.
 */
export class WebSocketResponseUpgrader implements ResponseUpgrader {
  readonly #options: WebSocketUpgraderOptions;
  readonly #protocols: readonly string[];

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: WebSocketUpgraderOptions = {}) {
    checkEngineOptionNames('WebSocketResponseUpgrader', options, OWN_OPTIONS);
    checkEngineOptions(options);
    this.#options = options;
    this.#protocols = options.protocols ?? ENGINE_SUBPROTOCOLS;
  }

  accepts(req: IncomingMessage): boolean {
    return isWebSocketRequest(req) && offeredProtocols(req).some((name) => this.#protocols.includes(name));
  }

  /**
   * Sends the 101 and returns the connection. Refused, with the answer sent and `undefined` returned, are: 400 malformed
   * requests, 405 a method other than GET, 403 a foreign Origin and a request that offers none of the engines.
   *
   * @param headers go into the 101; put the protocol that `handshake` chose here.
   * @throws InvalidArgumentError, after answering 500, for unusable headers.
   */
  upgradeResponse(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    newStreamHandler: NewStreamHandler,
    headers: HeadersInit = {},
  ): Connection | undefined {
    checkStreamHandler(newStreamHandler);
    const accepted = this.#accept(req, socket, head, headers);
    const protocol = engineSubprotocol(accepted?.protocol);
    if (accepted === undefined || protocol === undefined) return undefined;
    return newEngineConnection(protocol, 'server', accepted.duplex, newStreamHandler, this.#options);
  }

  #accept(req: IncomingMessage, socket: Duplex, head: Buffer, headers: HeadersInit): AcceptedDuplex | undefined {
    const { clock, limits, verify } = this.#options;
    try {
      return acceptDuplexNow(
        req,
        socket,
        head,
        {
          protocols: this.#protocols,
          headers,
          ...(clock === undefined ? {} : { clock }),
          ...(limits === undefined ? {} : { limits }),
        },
        () => originRefusal(req, this.#options) ?? verify?.(req),
      );
    } catch (error) {
      if (error instanceof UpgradeFailureError || error instanceof ConnectionLostError) return undefined;
      throw error;
    }
  }
}
