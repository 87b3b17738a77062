import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { resolveLimits, type Limits } from '../../limits/limits.js';

/** What a byte stream needs of a WebSocket; those of the `ws` package have it. */
export interface NodeWebSocket {
  binaryType: string;
  readonly readyState: number;
  readonly url?: string;
  send(data: Buffer, options: { readonly binary: boolean }, sent: (error?: Error | null) => void): void;
  pong(data: Buffer, mask: undefined, sent: () => void): void;
  pause(): void;
  resume(): void;
  close(code: number): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  on(event: 'ping' | 'pong', listener: (payload: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
}

/** Settings of a WebSocket as a byte stream, at both ends. */
export interface ByteStreamOptions {
  /**
   * Overrides of `DEFAULT_LIMITS`: `maxMessageBytes`, `maxFragments`, `emptyFrameBurst`, `emptyFramesPerSecond`,
   * `maxDataFrameOut` (bytes of a message), `closeTimeout`, `upgradeTimeout`, `errorBodyBytes`.
   */
  readonly limits?: Partial<Limits>;
  /** Default: the process's own. */
  readonly clock?: Clock;
}

/** Settings of `webSocketDuplex`. */
export interface WebSocketDuplexOptions extends ByteStreamOptions {
  /** Which end this is. Default: the client's if the WebSocket knows the address that it was made for. */
  readonly role?: 'client' | 'server';
  /** The socket beneath, where it is known: messages of one tick then leave in one write. */
  readonly socket?: Duplex;
  /** Whether to answer pings: for a WebSocket made with `autoPong: false`. Default false: `ws` does so. */
  readonly answerPings?: boolean;
}

/** {@link WebSocketDuplexOptions} with everything decided. */
export interface ResolvedDuplexOptions {
  readonly role: 'client' | 'server';
  readonly socket: Duplex | undefined;
  readonly answerPings: boolean;
  readonly limits: Limits;
  readonly clock: Clock;
}

// Printable, and not what separates names in a list. Kubernetes has names with a slash, which no token has.
const PROTOCOL = /^[!-+\--~]+$/;

/** @throws InvalidArgumentError for names that a header cannot carry as a list. */
export function checkProtocols(protocols: readonly string[]): void {
  if (protocols.length === 0) throw new InvalidArgumentError('a byte stream needs a subprotocol to negotiate');
  for (const protocol of protocols) {
    if (typeof protocol !== 'string' || !PROTOCOL.test(protocol)) {
      throw new InvalidArgumentError('a subprotocol has characters that cannot be negotiated');
    }
  }
  if (new Set(protocols).size !== protocols.length) throw new InvalidArgumentError('a subprotocol is listed twice');
}

/** @throws InvalidArgumentError for unusable limits. */
export function resolveByteStream(options: ByteStreamOptions): { readonly limits: Limits; readonly clock: Clock } {
  return { limits: resolveLimits(options.limits), clock: options.clock ?? systemClock };
}
