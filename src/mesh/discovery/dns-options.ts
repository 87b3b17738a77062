import type { Clock } from '../../clock/clock.js';
import type { OptionNames } from '../../limits/option-names.js';

/** An address with how long it may be kept, in seconds. */
export interface AddressRecord {
  readonly address: string;
  readonly ttl: number;
}

/** An SRV record (RFC 2782), as far as it is used. */
export interface ServiceRecord {
  readonly name: string;
  readonly port: number;
}

/**
 * What asks DNS: a `Resolver` of `node:dns/promises` is one. Its methods reject with a `code` as those of Node do:
 * `ENODATA` for a name without records of the kind, anything else for a failure.
 */
export interface PeerResolver {
  resolve4(name: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolve6(name: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly ServiceRecord[]>;
}

/** Options of `DnsPeerFinder`. Durations are in milliseconds. */
export interface DnsPeerFinderOptions {
  /** Port of all peers. Default: that of the asking pod. Not together with `portName`. */
  readonly port?: number;
  /** Ask for SRV records of `_PORTNAME._tcp.NAME`, which tell the port of each peer, rather than for addresses. */
  readonly portName?: string;
  /**
   * Own addresses, `IP` or `IP:PORT`. Default: the environment's `POD_IPS` or `POD_IP`, else the addresses of the network
   * interfaces.
   */
  readonly self?: string | readonly string[];
  /** Longest time between two questions. Records that live shorter are asked for sooner. Default 30,000. */
  readonly period?: number;
  /** Shortest time between two questions, however short records live. Default 5,000. */
  readonly minPeriod?: number;
  /** Waits after a failure: from the first, doubled each time, up to the last. Default 1,000 and 30,000. */
  readonly retry?: { readonly min?: number; readonly max?: number };
  /** Time after which a question counts as failed. Default 5,000. */
  readonly timeout?: number;
  /** Time over which changes are collected. Default 250. */
  readonly debounce?: number;
  /** Answers with more peers than this count as failures. Default 1,000. */
  readonly maxPeers?: number;
  /** Told of failures after which the last known peers stay. */
  readonly onError?: (error: Error) => void;
  /** Default: the system's name servers; a name they do not know is looked up as other programs do, in search domains too. */
  readonly resolver?: PeerResolver;
  readonly clock?: Clock;
  /** In [0, 1); spreads the questions of pods. */
  readonly random?: () => number;
}

/** What checks the names of the options. */
export const DNS_OPTIONS: OptionNames<DnsPeerFinderOptions> = {
  port: true,
  portName: true,
  self: true,
  period: true,
  minPeriod: true,
  retry: true,
  timeout: true,
  debounce: true,
  maxPeers: true,
  onError: true,
  resolver: true,
  clock: true,
  random: true,
};
