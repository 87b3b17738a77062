import { isLoopback } from '../apiserver/listen.js';
import { systemClock, type Clock } from '../clock/clock.js';
import { systemWallClock, type WallClock } from '../clock/wall.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { wholeNumber } from '../limits/option-values.js';
import { secureFraction } from '../random/secure-fraction.js';
import type { DashboardHost } from './host.js';

/** How a dashboard works. */
export interface DashboardOptions {
  /** The cluster that it shows. */
  readonly cluster: DashboardHost;
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
  /** Port to listen on; 0 for any free one. */
  readonly port: number;
  /** Permits a `host` beyond loopback. Whoever can reach it can then run commands in the pods. Default false. */
  readonly insecureAllowAnyAddress?: boolean;
  /** Names in the Host header that are accepted beside addresses and `localhost`. Default none. */
  readonly allowedHosts?: readonly string[];
  /** Milliseconds between two looks at the pods. Default 1,000. */
  readonly pollPeriod?: number;
  /** Milliseconds between two events that measure the latency; 0: none are published. Default 500. */
  readonly probePeriod?: number;
  /** Folder with the built page. Default: `assets` beside this module, where the build puts it. */
  readonly assets?: URL;
  readonly clock?: Clock;
  readonly wallClock?: WallClock;
  /** Source of numbers in [0, 1). Default: the system's secure source. */
  readonly random?: () => number;
  /** Told of faults of the dashboard itself. */
  readonly onError?: (error: unknown) => void;
}

/** Options with nothing left open. */
export interface DashboardSettings {
  readonly cluster: DashboardHost;
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: ReadonlySet<string>;
  readonly pollPeriod: number;
  readonly probePeriod: number;
  readonly assets: URL;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

const NAMES: OptionNames<DashboardOptions> = {
  cluster: true,
  host: true,
  port: true,
  insecureAllowAnyAddress: true,
  allowedHosts: true,
  pollPeriod: true,
  probePeriod: true,
  assets: true,
  clock: true,
  wallClock: true,
  random: true,
  onError: true,
};

/** @throws InvalidArgumentError for unknown names, values out of range, and an address beyond loopback without permission. */
export function resolveDashboardOptions(options: DashboardOptions): DashboardSettings {
  checkOptionNames('Dashboard', options, NAMES);
  const { host = '127.0.0.1', allowedHosts = [] } = options;
  if (!isLoopback(host) && options.insecureAllowAnyAddress !== true) {
    throw new InvalidArgumentError(`refusing to listen on ${host} without authorization`);
  }
  return {
    cluster: options.cluster,
    host,
    port: wholeNumber('port', options.port, 0),
    allowedHosts: new Set(allowedHosts.map((name) => name.toLowerCase())),
    pollPeriod: wholeNumber('pollPeriod', options.pollPeriod ?? 1_000, 10),
    probePeriod: wholeNumber('probePeriod', options.probePeriod ?? 500, 0),
    assets: options.assets ?? new URL('./assets/', import.meta.url),
    clock: options.clock ?? systemClock,
    wallClock: options.wallClock ?? systemWallClock,
    random: options.random ?? secureFraction,
    onError: options.onError ?? (() => {}),
  };
}
