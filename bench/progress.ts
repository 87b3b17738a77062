import type { Run } from './cases.js';

/** Tells on stderr what runs: on one line of a terminal, or a line per round elsewhere. */
export class Progress {
  readonly #rounds: number;
  #round = -1;

  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  readonly show = (round: number, run: Run): void => {
    const { stderr } = process;
    const place = `round ${round + 1} of ${this.#rounds}`;
    if (stderr.isTTY) stderr.write(`\r\u001B[K${place}: ${run.name}`);
    else if (round !== this.#round) stderr.write(`${place}\n`);
    this.#round = round;
  };

  /** Leaves the line free for others. */
  done(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  }
}
