/** What one client of the demonstration got of the numbers that were published, from 1 on. */
export class Tally {
  /** Different numbers. */
  received = 0;
  /** Numbers that came once more. */
  repeated = 0;
  /** All numbers up to here have come. */
  #through = 0;
  readonly #beyond = new Set<number>();

  take(seq: number): void {
    if (this.has(seq)) {
      this.repeated += 1;
      return;
    }
    this.received += 1;
    this.#beyond.add(seq);
    while (this.#beyond.delete(this.#through + 1)) this.#through += 1;
  }

  has(seq: number): boolean {
    return seq <= this.#through || this.#beyond.has(seq);
  }

  /** How many of the numbers up to `last` have not come. */
  lacks(last: number): number {
    let lacking = 0;
    for (let seq = this.#through + 1; seq <= last; seq++) if (!this.#beyond.has(seq)) lacking += 1;
    return lacking;
  }
}

/** Which numbers were acknowledged, and when: those that every client has to get. */
export class Acknowledged {
  count = 0;
  /** All up to here are acknowledged. */
  #through = 0;
  readonly #at = new Map<number, number>();

  /** @param at In milliseconds. */
  add(seq: number, at: number): void {
    this.count += 1;
    this.#at.set(seq, at);
  }

  /** The number up to which all were acknowledged by then. */
  throughAt(time: number): number {
    for (;;) {
      const at = this.#at.get(this.#through + 1);
      if (at === undefined || at > time) return this.#through;
      this.#at.delete(this.#through + 1);
      this.#through += 1;
    }
  }
}
