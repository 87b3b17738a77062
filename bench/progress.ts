import type { Run } from './cases/types.js';

/** Tells on stderr what runs, and about how long it will take: on one line of a terminal, or a line per round elsewhere. */
export class Progress {
  readonly #rounds: number;
  readonly #total: number;
  readonly #start = performance.now();
  #round = -1;
  #begun = 0;

  /** @param runs how many there are in each round. */
  constructor(rounds: number, runs: number) {
    this.#rounds = rounds;
    this.#total = rounds * runs;
  }

  readonly show = (round: number, run: Run): void => {
    const { stderr } = process;
    const place = `round ${round + 1} of ${this.#rounds}${this.#left()}`;
    if (stderr.isTTY) stderr.write(`\r\u001B[K${place}: ${run.name}`);
    else if (round !== this.#round) stderr.write(`${place}\n`);
    this.#round = round;
    this.#begun++;
  };

  /** Leaves the line free for others. */
  done(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  }

  #left(): string {
    if (this.#begun === 0) return '';
    const each = (performance.now() - this.#start) / this.#begun;
    return `, ${Math.ceil(((this.#total - this.#begun) * each) / 60_000)} min left`;
  }
}
