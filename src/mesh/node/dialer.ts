import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import type { LinkTransport } from '../link/transport.js';

/** Where a pod is dialled. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** Name of the pod, where it is known. */
  readonly name: string | undefined;
}

/** Periods of dialling, in milliseconds. */
export interface DialTimes {
  /** Before the first attempt at new peers, at most: pods that start together shall not all dial at once. */
  readonly spread: number;
  /** After the first failure; doubled with each more. */
  readonly retry: number;
  readonly maxRetry: number;
}

/** What comes of an attempt to dial. */
export interface DialOutcome {
  opened(transport: LinkTransport): void;
  failed(error: Error, why?: DialFailure): void;
}

/**
 * `failed`: nobody can be reached. `foreign`: somebody is there who knows nothing of links, and holds no events. `refused`:
 * a pod is there, but the two do not go together: they know different secrets, or speak different versions.
 */
export type DialFailure = 'failed' | 'foreign' | 'refused';

/** Makes one attempt; calls one of both back, once, unless it was cancelled. */
export type Dial = (address: Address, outcome: DialOutcome) => { cancel(): void };

/** What the dialer needs of its pod. */
export interface DialerHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly times: DialTimes;
  readonly dial: Dial;
  /** Whether there is a link to a run, or to a pod of this name. */
  linked(origin: string | undefined, name: string | undefined): boolean;
  opened(transport: LinkTransport, address: Address): void;
  failed(address: Address, error: Error): void;
}

interface Target {
  readonly address: Address;
  /** The run that answered there last. */
  origin: string | undefined;
  self: boolean;
  /** Attempts that did not come to a link that lasted. */
  failures: number;
  /** When a link to it was made last; `undefined` once it was dialled again. */
  metAt: number | undefined;
  /** What is known of it since there was a link, or it was told of. */
  standing: 'unknown' | DialFailure;
  dueAt: number;
  attempt: { cancel(): void } | undefined;
}

/** Keeps dialling the peers that there is no link to. */
export class Dialer {
  readonly #host: DialerHost;
  readonly #targets = new Map<string, Target>();
  readonly #alarm: Alarm;
  #told = false;
  #closed = false;

  constructor(host: DialerHost) {
    this.#host = host;
    this.#alarm = new Alarm(host.clock, () => this.check());
  }

  /** Peers that are to be linked, apart from this pod. */
  get size(): number {
    let others = 0;
    for (const { self } of this.#targets.values()) if (!self) others += 1;
    return others;
  }

  /** Peers without a link that may hold events. */
  get unreachable(): number {
    let missing = 0;
    for (const target of this.#targets.values()) {
      if (this.#lacks(target) && target.standing !== 'foreign') missing += 1;
    }
    return missing;
  }

  /** Whether every peer is linked, or was dialled in vain since it last was. Not for who has not been told of peers. */
  get allTried(): boolean {
    for (const target of this.#targets.values()) {
      if (this.#lacks(target) && target.standing === 'unknown') return false;
    }
    return this.#told;
  }

  /** Whether a pod is there that does not go with this one: who is not one of them must not take itself for alone. */
  get someRefused(): boolean {
    for (const target of this.#targets.values()) if (this.#lacks(target) && target.standing === 'refused') return true;
    return false;
  }

  /** The peers as they are now. */
  set(addresses: readonly Address[]): void {
    if (this.#closed) return;
    const { clock, random, times } = this.#host;
    this.#told = true;
    const names = new Map(addresses.map((address) => [keyOf(address), address.name]));
    for (const [key, target] of this.#targets) {
      // Another pod may have got the address since.
      if (names.has(key) && names.get(key) === target.address.name) continue;
      target.attempt?.cancel();
      this.#targets.delete(key);
    }
    for (const address of addresses) {
      const key = keyOf(address);
      if (this.#targets.has(key)) continue;
      const dueAt = clock.now() + times.spread * random();
      this.#targets.set(key, {
        address,
        origin: undefined,
        self: false,
        failures: 0,
        metAt: undefined,
        standing: 'unknown',
        dueAt,
        attempt: undefined,
      });
    }
    this.check();
  }

  /** The run that was met at an address. */
  met(address: Address, origin: string, self: boolean): void {
    const target = this.#targets.get(keyOf(address));
    if (target === undefined) return;
    target.origin = origin;
    target.self = self;
    target.metAt = this.#host.clock.now();
    target.standing = 'unknown';
  }

  /** The pod at an address is there, but the two do not go together. */
  refused(address: Address): void {
    const target = this.#targets.get(keyOf(address));
    if (target !== undefined) target.standing = 'refused';
  }

  /** A link that was dialled did not come to anything. */
  fruitless(address: Address): void {
    const target = this.#targets.get(keyOf(address));
    if (target !== undefined) target.standing = 'failed';
  }

  /** Dials what is due. Links have changed, or time has passed. */
  check(): void {
    if (this.#closed) return;
    const now = this.#host.clock.now();
    let next = Infinity;
    for (const target of this.#targets.values()) {
      if (target.attempt !== undefined || !this.#lacks(target)) continue;
      if (target.dueAt <= now) this.#attempt(target);
      else next = Math.min(next, target.dueAt);
    }
    this.#alarm.set(next);
  }

  close(): void {
    this.#closed = true;
    this.#alarm.cancel();
    for (const { attempt } of this.#targets.values()) attempt?.cancel();
    this.#targets.clear();
  }

  #lacks({ self, origin, address }: Target): boolean {
    return !self && !this.#host.linked(origin, address.name);
  }

  #attempt(target: Target): void {
    const { address } = target;
    let over = false;
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      target.attempt = undefined;
      return true;
    };
    const attempt = this.#host.dial(address, {
      opened: (transport) => {
        if (!finish()) return transport.close();
        // Until it has come to something it is not dialled again at once.
        this.#backOff(target);
        this.#host.opened(transport, address);
      },
      failed: (error, why = 'failed') => {
        if (!finish()) return;
        this.#backOff(target);
        target.standing = why;
        this.#host.failed(address, error);
        this.check();
      },
    });
    if (over) return;
    target.attempt = {
      cancel: () => {
        if (finish()) attempt.cancel();
      },
    };
  }

  #backOff(target: Target): void {
    const { clock, random, times } = this.#host;
    // A link that lasted makes up for what failed before it; one that breaks at once is a failure.
    if (target.metAt !== undefined && clock.now() - target.metAt >= 2 * times.maxRetry) target.failures = 0;
    target.metAt = undefined;
    const wait = Math.min(times.maxRetry, times.retry * 2 ** Math.min(target.failures, 16));
    target.failures += 1;
    target.dueAt = clock.now() + wait * (0.5 + random() / 2);
  }
}

function keyOf({ host, port }: Address): string {
  return `${host} ${port}`;
}
