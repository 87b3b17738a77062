import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import type { Authorizer, UserInfo } from './authorization.js';
import type { ConnectOptions, ForwardOptions } from './connect.js';
import type { APIFaults } from './faults.js';
import type { EndpointSlice, Service } from './objects.js';
import type { PodRuntime } from './runtime.js';
import type { ResourceReader } from './store.js';

/** How an `APIServer` is set up. */
export interface APIServerOptions {
  /** What runs the pods that are served. */
  readonly runtime: PodRuntime;
  /** The Services that are served. Default: none. */
  readonly services?: ResourceReader<Service>;
  /** The EndpointSlices that are served. Default: those that follow from Services and pods, kept in step with them. */
  readonly endpointSlices?: ResourceReader<EndpointSlice>;
  /** Faults that befall requests, for tests of clients. Default: none. */
  readonly faults?: APIFaults;
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
  /** Port to listen on; 0 for any free one. Default 0. */
  readonly port?: number;
  /**
   * Decides on each request. Without one everything is allowed, which is why the server then listens on loopback only,
   * unless `insecureAllowAnyAddress` is set: exec runs code.
   */
  readonly authorize?: Authorizer;
  /** Tells who sent a request; `undefined` answers 401. Default: everyone is `system:anonymous`. */
  readonly authenticate?: (req: IncomingMessage) => UserInfo | undefined | Promise<UserInfo | undefined>;
  /** Permits listening beyond loopback without `authorize`. Default false. */
  readonly insecureAllowAnyAddress?: boolean;
  /** Names in the Host header that are accepted beside addresses and `localhost`. Default none. */
  readonly allowedHosts?: readonly string[];
  /** Origins, such as `http://127.0.0.1:8080`, whose pages may upgrade and change things. Default: the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** How exec and attach sessions are served. */
  readonly connect?: ConnectOptions;
  /** How port-forward is served. */
  readonly portForward?: ForwardOptions;
  /** Milliseconds that `close()` gives open requests and sessions to end. Default 3,000. */
  readonly closeTimeout?: number;
  readonly clock?: Clock;
  readonly wallClock?: WallClock;
  /** From 0 to 1; spreads the ends of watches. Default: the system's randomness. */
  readonly random?: () => number;
  /** Told of faults of the server itself, which clients see as 500 without detail. */
  readonly onError?: (error: unknown) => void;
}
