import type { Clock } from '../clock/clock.js';
import type { EventStreamLimits } from './limits.js';
import type { BackoffOptions } from './reconnect-delay.js';

/** Headers of a request, in any form that `fetch` takes. */
export type RequestHeaders = NonNullable<RequestInit['headers']>;

/** How clients of an event stream connect; everything has a default that follows WHATWG HTML, 9.2. */
export interface EventStreamOptions {
  /**
   * Headers to send besides those of the protocol, which win. A function is asked before each attempt, so that a token
   * can be renewed; when it fails, the attempt failed.
   */
  readonly headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>);
  /** Closes everything, as `close()` does. */
  readonly signal?: AbortSignal;
  /**
   * What makes the requests. When it throws, the attempt failed and another follows, unless it is an
   * `InvalidArgumentError`: that closes the client, as a browser closes it when a check of CORS fails. Default: the global
   * `fetch`, looked up when it is used.
   */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds until a lost stream is asked for again, unless the server says otherwise by `retry`. Default 3,000. */
  readonly reconnectTime?: number;
  /** Waiting longer while attempts keep failing. `false` always waits for the reconnection time only. */
  readonly backoff?: BackoffOptions | false;
  /**
   * Milliseconds without a byte, comments included and from the request on, after which the stream counts as lost; give
   * it two or three times the keepalive period of the server. Default 0: never. A peer that vanished without a word is
   * found by nothing else, but for the 300 s that Node's own `fetch` allows between two pieces of a body.
   */
  readonly idleTimeout?: number;
  /** Id to resume from at the first attempt. Default: none. */
  readonly lastEventId?: string;
  readonly limits?: Partial<EventStreamLimits>;
  readonly clock?: Clock;
}
