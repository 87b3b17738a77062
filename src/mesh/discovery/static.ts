import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { systemClock } from '../../clock/clock.js';
import { parseAddress } from './address.js';
import { PeerSets } from './peer-sets.js';
import { selfMatcher } from './self.js';
import { portOption } from './settings.js';
import type { FindOptions, Peer, PeerFinder } from './types.js';

/** Options of {@link StaticPeerFinder}. */
export interface StaticPeerFinderOptions {
  /**
   * Which address is the asking pod's own, in the form of the others; without a port it is meant whatever its port.
   * Default: the environment's `POD_IP`, else the addresses of the network interfaces; if several of the list are among
   * these, as with pods on one machine, the pod finds out when it dials itself. `[]` says that none is.
   */
  readonly self?: string | readonly string[];
}

const STATIC_OPTIONS: OptionNames<StaticPeerFinderOptions> = { self: true };

/** Peers that are known beforehand and stay. The one set comes at once; the iteration then waits until it is ended. */
export class StaticPeerFinder implements PeerFinder {
  readonly #peers: readonly Peer[];

  /**
   * @param addresses Host names or IP addresses, IPv6 with brackets when a port follows: `10.0.0.1`, `pod-0.web:7000`,
   * `[fd00::1]:7000`.
   * @throws InvalidArgumentError for an address that is none of that, for one that is named twice, and for no list.
   */
  constructor(addresses: readonly string[], options: StaticPeerFinderOptions = {}) {
    checkOptionNames('StaticPeerFinder', options, STATIC_OPTIONS);
    const isSelf = selfMatcher(options.self);
    if (!Array.isArray(addresses)) throw new InvalidArgumentError('addresses must be a list');
    const seen = new Set<string>();
    const peers = addresses.map((address) => {
      const { host, port } = parseAddress(address);
      const key = `${host} ${port}`;
      if (seen.has(key)) throw new InvalidArgumentError(`the address ${JSON.stringify(address)} is there twice`);
      seen.add(key);
      return { host, port, self: isSelf(host, port) };
    });
    // Several pods on this machine: which is the asking one it finds out by itself when it dials that.
    const several = options.self === undefined && peers.filter(({ self }) => self).length > 1;
    this.#peers = several ? peers.map((peer) => ({ ...peer, self: false })) : peers;
  }

  peers({ signal }: FindOptions = {}): AsyncIterableIterator<readonly Peer[]> {
    return setOnce(this.#peers, signal);
  }
}

/** Options of {@link LocalhostPeerFinder}. */
export interface LocalhostPeerFinderOptions {
  /** Default: that of the asking pod. */
  readonly port?: number;
}

const LOCALHOST_OPTIONS: OptionNames<LocalhostPeerFinderOptions> = { port: true };

/** Always finds one peer, the asking process itself at 127.0.0.1: a mesh of one, for development. */
export class LocalhostPeerFinder implements PeerFinder {
  readonly #port: number | undefined;

  /** @throws InvalidArgumentError for a port that is none. */
  constructor(options: LocalhostPeerFinderOptions = {}) {
    checkOptionNames('LocalhostPeerFinder', options, LOCALHOST_OPTIONS);
    this.#port = portOption('port', options.port);
  }

  peers({ signal }: FindOptions = {}): AsyncIterableIterator<readonly Peer[]> {
    return setOnce([{ host: '127.0.0.1', port: this.#port, self: true }], signal);
  }
}

function setOnce(peers: readonly Peer[], signal: AbortSignal | undefined): AsyncIterableIterator<readonly Peer[]> {
  const source = (sink: { update(set: readonly Peer[]): void }): Promise<void> => {
    sink.update(peers);
    return Promise.resolve();
  };
  return new PeerSets(source, { clock: systemClock, debounce: 0, signal });
}
