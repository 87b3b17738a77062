import { secureFraction } from '../../random/secure-fraction.js';
import type { Clock } from '../../clock/clock.js';
import { systemClock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import type { Dialer, ProxyOption } from '../../httpstream/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { normalizeIP } from '../../mesh/discovery/address.js';
import { podAddresses } from '../../mesh/discovery/self.js';
import {
  DEFAULT_DEBOUNCE,
  DEFAULT_MAX_PEERS,
  numberOption,
  observer,
  portOption,
} from '../../mesh/discovery/settings.js';
import type { KubeConfigLike } from '../kube-config.js';
import type { ReflectorOptions } from './reflector.js';

/** Which pod asks. */
export interface SelfPod {
  /** Its name; the address decides only without one, as pods in the network of their node share it. */
  readonly name?: string | undefined;
  /** Its address; peers with several are reached at one of the same family. */
  readonly ip?: string | undefined;
}

/** What the finders that ask an API server have in common. Durations are in milliseconds. */
export interface KubernetesFinderOptions {
  /** Default: loaded as kubectl does, when it is first needed. */
  readonly config?: KubeConfigLike;
  /** Default: that of the current context, in a pod its own, else `default`. */
  readonly namespace?: string;
  /** Default: the environment's `POD_NAME` and `POD_IP`, as the downward API gives them. */
  readonly self?: SelfPod;
  /**
   * Whether pods that are not ready count as peers. Default true: the pods of a mesh find each other before they are
   * ready, and a pod that is not may still hold events. The asking pod itself always counts.
   */
  readonly includeNotReady?: boolean;
  /** Port of all peers. Default: that of the asking pod. Not together with `portName`. */
  readonly port?: number;
  /** Name of the port that peers listen on, as their containers or their Service call it; those without it are no peers. */
  readonly portName?: string;
  /** Time after which everything is listed anew, however well a watch seems to do; up to a tenth more or less. Default 600,000. */
  readonly relistPeriod?: number;
  /**
   * Time after which a watch that tells nothing is given up for a list. Default 120,000: API servers send bookmarks
   * about every minute.
   */
  readonly silenceTimeout?: number;
  /** Time that a list, and the beginning of a watch, may take. Default 30,000. */
  readonly requestTimeout?: number;
  /** Waits between attempts: from the first, doubled each time, up to the last, all with jitter. Default 1,000 and 30,000. */
  readonly retry?: { readonly min?: number; readonly max?: number };
  /** Time over which changes are collected. Default 250. */
  readonly debounce?: number;
  /** With more objects than this the finder keeps the peers it knew, and tells `onError`. Default 1,000. */
  readonly maxPeers?: number;
  /** Told of failures after which the last known peers stay. */
  readonly onError?: (error: Error) => void;
  /** Replaces the built-in dialling, and with it any proxy. */
  readonly dialer?: Dialer;
  /** Default: the `proxy-url` of the cluster, else none. */
  readonly proxy?: ProxyOption;
  readonly clock?: Clock;
  /** In [0, 1); spreads the requests of pods. */
  readonly random?: () => number;
}

/** Checks the names of the common options. */
export const COMMON_OPTIONS: OptionNames<KubernetesFinderOptions> = {
  config: true,
  namespace: true,
  self: true,
  includeNotReady: true,
  port: true,
  portName: true,
  relistPeriod: true,
  silenceTimeout: true,
  requestTimeout: true,
  retry: true,
  debounce: true,
  maxPeers: true,
  onError: true,
  dialer: true,
  proxy: true,
  clock: true,
  random: true,
};

/** How objects become peers. */
export interface PeerRules {
  readonly self: SelfPod;
  /** Family of addresses that is preferred. */
  readonly family: 4 | 6 | undefined;
  readonly includeNotReady: boolean;
  readonly port: number | undefined;
  readonly portName: string | undefined;
}

/** Checked options. */
export interface FinderSettings {
  readonly rules: PeerRules;
  readonly reflector: ReflectorOptions;
  readonly debounce: number;
}

/** RFC 1123 label: keeps a name from becoming another path. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws InvalidArgumentError for an unknown name or a value that cannot be meant. */
export function resolveOptions(
  owner: string,
  options: KubernetesFinderOptions,
  names: Readonly<Record<string, true>>,
): FinderSettings {
  checkOptionNames(owner, options, names);
  const { namespace, portName } = options;
  if (namespace !== undefined) checkLabel('namespace', namespace);
  if (portName !== undefined && options.port !== undefined) {
    throw new InvalidArgumentError('port and portName exclude each other');
  }
  if (portName !== undefined) checkLabel('port', portName);
  const port = portOption('port', options.port);
  const self = selfOf(options.self);
  const family = self.ip === undefined ? undefined : self.ip.includes(':') ? 6 : 4;
  const min = numberOption('retry.min', options.retry?.min, 1_000);
  return {
    rules: { self, family, includeNotReady: options.includeNotReady ?? true, port, portName },
    debounce: numberOption('debounce', options.debounce, DEFAULT_DEBOUNCE, 0),
    reflector: {
      relistPeriod: numberOption('relistPeriod', options.relistPeriod, 600_000, 100),
      silenceTimeout: numberOption('silenceTimeout', options.silenceTimeout, 120_000),
      requestTimeout: numberOption('requestTimeout', options.requestTimeout, 30_000),
      retry: { min, max: Math.max(min, numberOption('retry.max', options.retry?.max, 30_000)) },
      maxObjects: numberOption('maxPeers', options.maxPeers, DEFAULT_MAX_PEERS),
      clock: options.clock ?? systemClock,
      random: options.random ?? secureFraction,
      onError: observer(options.onError),
    },
  };
}

/** @throws InvalidArgumentError for anything but an RFC 1123 label. */
export function checkLabel(kind: string, name: unknown): asserts name is string {
  // Without types an absent name would come through as "undefined".
  if (typeof name === 'string' && LABEL.test(name)) return;
  throw new InvalidArgumentError(`not the name of a ${kind}: ${JSON.stringify(name)}`);
}

function selfOf(given: SelfPod | undefined): SelfPod {
  const { name, ip } = given ?? { name: process.env['POD_NAME'] || undefined, ip: podAddresses()?.[0] };
  if (ip === undefined) return { name, ip };
  const normal = normalizeIP(ip);
  if (normal === undefined) throw new InvalidArgumentError(`self.ip is no IP address: ${JSON.stringify(ip)}`);
  return { name, ip: normal };
}
