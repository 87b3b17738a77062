import type { ConnectOptions } from '../apiserver/index.js';
import type { Clock } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { oneOf } from '../limits/option-values.js';
import { MAX_PODS } from './network.js';
import { programWorkload, serveWorkload, type ServeOptions, type Workload } from './workload.js';

/** What `startCluster` is given. */
export interface ClusterOptions {
  /** Number of pods, from 1 to 253. Default 3. */
  readonly pods?: number;
  /**
   * Program and arguments that each pod runs. Default: `trunkline serve`. A path of the program, or of an interpreter's
   * script, is looked for from the current directory; the program itself runs in the pod's own.
   */
  readonly command?: readonly string[];
  /** Path whose answer to a GET tells that a `command` is ready. Default: it is ready when its port accepts connections. */
  readonly readinessPath?: string;
  /** How the pods run `trunkline serve`; not with `command`. */
  readonly serve?: ServeOptions;
  /**
   * `addresses`: each pod has a loopback address of its own, and all the same ports. `ports`: they share 127.0.0.1 and
   * have ports of their own. Default: addresses where the system has them, as Linux does and macOS does not.
   */
  readonly podNetwork?: 'addresses' | 'ports';
  /** Milliseconds that a pod which is deleted is given to end by itself, unless told otherwise. Default 30,000. */
  readonly gracePeriod?: number;
  /** Address of the API server and the dashboard. Default `127.0.0.1`. */
  readonly host?: string;
  /** Port of the API server; 0 for any free one. Default 0. */
  readonly apiPort?: number;
  /** Port of the dashboard; 0 for any free one. Default 0. */
  readonly port?: number;
  /** Permits a `host` beyond loopback. Whoever can reach it can then run commands on this machine. Default false. */
  readonly insecureAllowAnyAddress?: boolean;
  /** Names in the Host header that are accepted beside addresses and `localhost`. Default none. */
  readonly allowedHosts?: readonly string[];
  /** Bytes of log kept for each run of a pod. Default 4,194,304. */
  readonly logBytes?: number;
  /** Milliseconds for pods to end by themselves when the cluster stops; then they are killed. Default 3,000. */
  readonly stopTimeout?: number;
  /** Milliseconds that `startCluster` waits for all pods to be ready. Pods that are not go on trying. Default 15,000. */
  readonly readyTimeout?: number;
  /** How exec and attach sessions are served. */
  readonly connect?: ConnectOptions;
  /** Stops the cluster; while it starts, `startCluster` then rejects with the reason. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly wallClock?: WallClock;
  /** Told of faults of the cluster itself. */
  readonly onError?: (error: unknown) => void;
}

const NAMES: OptionNames<ClusterOptions> = {
  pods: true,
  command: true,
  readinessPath: true,
  serve: true,
  podNetwork: true,
  gracePeriod: true,
  host: true,
  apiPort: true,
  port: true,
  insecureAllowAnyAddress: true,
  allowedHosts: true,
  logBytes: true,
  stopTimeout: true,
  readyTimeout: true,
  connect: true,
  signal: true,
  clock: true,
  wallClock: true,
  onError: true,
};
const SERVE_NAMES: OptionNames<ServeOptions> = { args: true, secretFile: true };

/** @throws InvalidArgumentError for unknown names, a number out of range, an empty command, and what does not go together. */
export function checkOptions(options: ClusterOptions): void {
  checkOptionNames('startCluster', options, NAMES);
  const { pods, command, readinessPath, serve, podNetwork, logBytes, stopTimeout, readyTimeout, gracePeriod } = options;
  whole('pods', pods, 1, MAX_PODS);
  whole('logBytes', logBytes, 1, Number.MAX_SAFE_INTEGER);
  whole('stopTimeout', stopTimeout, 0, Number.MAX_SAFE_INTEGER);
  whole('readyTimeout', readyTimeout, 0, Number.MAX_SAFE_INTEGER);
  whole('gracePeriod', gracePeriod, 0, Number.MAX_SAFE_INTEGER);
  if (podNetwork !== undefined) oneOf('podNetwork', podNetwork, ['addresses', 'ports']);
  if (command?.length === 0) throw new InvalidArgumentError('command must name a program');
  if (serve !== undefined) {
    if (command !== undefined) throw new InvalidArgumentError('serve and command exclude each other');
    checkOptionNames('serve', serve, SERVE_NAMES);
  }
  if (readinessPath !== undefined) {
    if (command === undefined) throw new InvalidArgumentError('readinessPath goes with a command');
    if (!readinessPath.startsWith('/')) throw new InvalidArgumentError('readinessPath must start with a slash');
  }
}

/** What the pods run by these options. */
export function workloadOf({ command, readinessPath, serve }: ClusterOptions): Workload {
  if (command === undefined) return serveWorkload(serve ?? {});
  return programWorkload({ command, ...(readinessPath === undefined ? {} : { readinessPath }) }, process.cwd());
}

function whole(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new InvalidArgumentError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
}
