import { fileURLToPath } from 'node:url';
import type { ConnectOptions } from '../apiserver/index.js';
import type { Clock } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import { InvalidArgumentError } from '../errors/index.js';
import { MAX_PODS } from './network.js';

/** What `startCluster` is given. */
export interface ClusterOptions {
  /** Number of pods, from 1 to 253. Default 3. */
  readonly pods?: number;
  /** Program and arguments that each pod runs. Default: a ticker that serves server-sent events. */
  readonly command?: readonly string[];
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

/** The program that pods run by default. */
export function defaultCommand(): readonly string[] {
  return [process.execPath, fileURLToPath(new URL('./ticker.js', import.meta.url))];
}

/** @throws InvalidArgumentError for a number out of range, or an empty command. */
export function checkOptions({ pods, command, logBytes, stopTimeout, readyTimeout }: ClusterOptions): void {
  whole('pods', pods, 1, MAX_PODS);
  whole('logBytes', logBytes, 1, Number.MAX_SAFE_INTEGER);
  whole('stopTimeout', stopTimeout, 0, Number.MAX_SAFE_INTEGER);
  whole('readyTimeout', readyTimeout, 0, Number.MAX_SAFE_INTEGER);
  if (command?.length === 0) throw new InvalidArgumentError('command must name a program');
}

function whole(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new InvalidArgumentError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
}
