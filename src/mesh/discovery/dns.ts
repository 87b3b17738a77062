import { secureFraction } from '../../random/secure-fraction.js';
import { systemClock, type Clock } from '../../clock/clock.js';
import { InvalidArgumentError, TimeoutError } from '../../errors/index.js';
import { checkOptionNames } from '../../limits/option-names.js';
import { normalizeName } from './address.js';
import { Backoff, type BackoffBounds } from './backoff.js';
import { askDns, type DnsAnswer, type DnsQuestion } from './dns-answer.js';
import { DNS_OPTIONS, type DnsPeerFinderOptions, type PeerResolver } from './dns-options.js';
import { SystemResolver } from './dns-resolver.js';
import { pause, unlessAborted } from './pause.js';
import { PeerSets, type PeerSink } from './peer-sets.js';
import { selfMatcher } from './self.js';
import { DEFAULT_DEBOUNCE, DEFAULT_MAX_PEERS, numberOption, observer, portOption } from './settings.js';
import type { FindOptions, Peer, PeerFinder } from './types.js';

/** Name of a port (RFC 6335, 5.1). */
const PORT_NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/i;

/**
 * Finds the pods behind a name: the A and AAAA records of a headless Service, or its SRV records, which tell ports too.
 *
 * The name is asked for again when its records are due, within bounds and with jitter. A name server that fails, times out
 * or no longer knows the name takes nothing away: the last known peers stay, for a pod that asks is there itself. At the
 * first question it makes `next` reject; a name that is known without any address gives an empty set. Kubernetes lists
 * pods that are not ready only for a Service with `publishNotReadyAddresses: true`, which a mesh wants: its pods find each
 * other before they are ready.
 *
 * Sources: RFC 1035, RFC 2782, Kubernetes `dns/docs/specification.md` (2.4).
 */
export class DnsPeerFinder implements PeerFinder {
  readonly #question: DnsQuestion;
  readonly #isSelf: (host: string, port: number | undefined) => boolean;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #period: number;
  readonly #minPeriod: number;
  readonly #retry: BackoffBounds;
  readonly #timeout: number;
  readonly #debounce: number;
  readonly #onError: (error: unknown) => void;
  readonly #resolver: PeerResolver | undefined;

  /**
   * @param name Best in full, such as `web.team.svc.cluster.local`; SRV records are found by the full name only.
   * @throws InvalidArgumentError for a name, port or number that cannot be meant.
   */
  constructor(name: string, options: DnsPeerFinderOptions = {}) {
    checkOptionNames('DnsPeerFinder', options, DNS_OPTIONS);
    if (typeof name !== 'string' || normalizeName(name) === undefined) {
      throw new InvalidArgumentError(`not a DNS name: ${JSON.stringify(name)}`);
    }
    const { portName } = options;
    if (portName !== undefined && !PORT_NAME.test(portName)) {
      throw new InvalidArgumentError(`not the name of a port: ${JSON.stringify(portName)}`);
    }
    if (portName !== undefined && options.port !== undefined) {
      throw new InvalidArgumentError('port and portName exclude each other');
    }
    const maxPeers = numberOption('maxPeers', options.maxPeers, DEFAULT_MAX_PEERS);
    this.#question = { name, portName, port: portOption('port', options.port), maxPeers };
    this.#isSelf = selfMatcher(options.self);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? secureFraction;
    this.#period = numberOption('period', options.period, 30_000);
    this.#minPeriod = Math.min(this.#period, numberOption('minPeriod', options.minPeriod, 5_000));
    const min = numberOption('retry.min', options.retry?.min, 1_000);
    this.#retry = { min, max: Math.max(min, numberOption('retry.max', options.retry?.max, 30_000)) };
    this.#timeout = numberOption('timeout', options.timeout, 5_000);
    this.#debounce = numberOption('debounce', options.debounce, DEFAULT_DEBOUNCE, 0);
    this.#onError = observer(options.onError);
    this.#resolver = options.resolver;
  }

  peers({ signal }: FindOptions = {}): AsyncIterableIterator<readonly Peer[]> {
    const options = { clock: this.#clock, debounce: this.#debounce, signal };
    return new PeerSets((sink, stop) => this.#keepAsking(sink, stop), options);
  }

  async #keepAsking(sink: PeerSink, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#retry, this.#random);
    let known: number | undefined;
    while (!signal.aborted) {
      let wait: number;
      try {
        const { addresses, ttl } = await this.#ask(signal);
        if (addresses.length === 0 && known !== undefined && known > 0) {
          throw new Error(`${this.#question.name} has no addresses any more`);
        }
        known = addresses.length;
        sink.update(addresses.map(({ host, port }) => ({ host, port, self: this.#isSelf(host, port) })));
        backoff.reset();
        wait = this.#untilNext(ttl);
      } catch (error) {
        if (signal.aborted) return;
        if (known === undefined) throw error;
        this.#onError(error);
        wait = backoff.next();
      }
      await pause(wait, this.#clock, signal);
    }
  }

  /** Between the bounds, and up to a tenth sooner, so that the pods of a mesh do not ask as one. */
  #untilNext(ttl: number): number {
    const wanted = Math.max(this.#minPeriod, Math.min(this.#period, ttl * 1000));
    return wanted * (1 - this.#random() / 10);
  }

  async #ask(signal: AbortSignal): Promise<DnsAnswer> {
    const resolver = this.#resolver ?? new SystemResolver(this.#timeout);
    const attempt = new AbortController();
    const abandon = (): void => attempt.abort(signal.reason);
    signal.addEventListener('abort', abandon);
    const { name } = this.#question;
    const timer = this.#clock.setTimeout(() => {
      attempt.abort(new TimeoutError(`no answer about ${name} within ${this.#timeout} ms`, this.#timeout));
    }, this.#timeout);
    try {
      return await unlessAborted(askDns(resolver, this.#question), attempt.signal);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', abandon);
      // What is still under way is of no use to anyone.
      if (attempt.signal.aborted && resolver instanceof SystemResolver) resolver.cancel();
    }
  }
}
