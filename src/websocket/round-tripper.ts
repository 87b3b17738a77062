import { chosenProtocol, upgradedSocket } from '../carrier/upgraded.js';
import { sendWebSocketUpgrade } from '../carrier/websocket/index.js';
import {
  UpgradeFailureError,
  type Connection,
  type NewStreamHandler,
  type UpgradeRequest,
  type UpgradeResponse,
  type UpgradeRoundTripper,
} from '../httpstream/index.js';
import { checkEngineOptionNames } from '../mux/options.js';
import { checkEngineOptions, newEngineConnection, type WebSocketEngineOptions } from './engine.js';
import { DEFAULT_CLIENT_SUBPROTOCOLS, engineSubprotocol } from './subprotocols.js';

/** Settings of a {@link WebSocketRoundTripper}. */
export interface WebSocketRoundTripperOptions extends WebSocketEngineOptions {
  /** Gets the streams that the server opens. Default: they are refused. */
  readonly newStreamHandler?: NewStreamHandler;
}

/**
 * Upgrades requests to an engine inside a WebSocket. The method of a request is always GET, its address may also be `ws:`
 * or `wss:`.
 */
export class WebSocketRoundTripper implements UpgradeRoundTripper {
  readonly #options: WebSocketRoundTripperOptions;

  /** @throws InvalidArgumentError for unusable options. */
  constructor(options: WebSocketRoundTripperOptions = {}) {
    checkEngineOptionNames('WebSocketRoundTripper', options, { protocols: true });
    checkEngineOptions(options);
    this.#options = options;
  }

  /** A 101 that is no valid WebSocket answer, or names no engine that was offered, throws UpgradeFailureError. */
  async roundTrip(request: UpgradeRequest): Promise<UpgradeResponse> {
    const { clock, limits, protocols = DEFAULT_CLIENT_SUBPROTOCOLS } = this.#options;
    return await sendWebSocketUpgrade(request, {
      protocols,
      ...(clock === undefined ? {} : { clock }),
      ...(limits === undefined ? {} : { limits }),
    });
  }

  newConnection(response: UpgradeResponse): Connection {
    const socket = upgradedSocket(response, 'websocket');
    const { newStreamHandler, ...options } = this.#options;
    const protocol = engineSubprotocol(response.headers['sec-websocket-protocol']);
    if (protocol === undefined) {
      socket.destroy();
      throw new UpgradeFailureError('the answer names no engine', { statusCode: 101, initiator: 'remote' });
    }
    return newEngineConnection(protocol, 'client', socket, newStreamHandler, options);
  }

  async dial(request: UpgradeRequest): Promise<{ connection: Connection; protocol: string }> {
    const response = await this.roundTrip(request);
    return { connection: this.newConnection(response), protocol: chosenProtocol(response) };
  }
}
