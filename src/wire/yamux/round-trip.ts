/** Milliseconds after which a measured round trip is measured again, when somebody asks for it. */
const FRESH = 10_000;

/**
 * The time to the peer and back, by pings that are sent only while somebody wants to know. Time spent in our own queues
 * counts as well, so the shortest of late is taken.
 */
export class RoundTrip {
  readonly #ping: () => number;
  #pending: { readonly id: number; readonly sentAt: number } | undefined;
  #milliseconds: number | undefined;
  #measuredAt = -Infinity;

  /** @param ping sends a ping and returns its id. */
  constructor(ping: () => number) {
    this.#ping = ping;
  }

  /** Milliseconds, once they are known. */
  get(now: number): number | undefined {
    if (this.#pending === undefined && now - this.#measuredAt > FRESH) {
      this.#pending = { id: this.#ping(), sentAt: now };
    }
    return this.#milliseconds;
  }

  /** Takes an answer; `false`: it is for somebody else. */
  answered(id: number, now: number): boolean {
    if (id !== this.#pending?.id) return false;
    const sample = now - this.#pending.sentAt;
    this.#pending = undefined;
    this.#measuredAt = now;
    this.#milliseconds = Math.min(sample, (this.#milliseconds ?? Infinity) * 2);
    return true;
  }
}
