/** Clients that lost their pod at about the same time. */
export interface Move {
  readonly pod: string;
  /** How many lost it. */
  readonly clients: number;
  /** Milliseconds until the last of them was served again; `undefined` while one is not. */
  readonly took: number | undefined;
}

interface OpenMove {
  readonly pod: string;
  readonly began: number;
  readonly away: Set<number>;
  clients: number;
  took: number | undefined;
}

const KEPT = 4;
/** Milliseconds within which losing the same pod is one and the same move. */
const TOGETHER = 3_000;

/** Keeps the last few moves of clients from one pod to others. */
export class Moves {
  #moves: OpenMove[] = [];

  /** Newest first. */
  get list(): readonly Move[] {
    return this.#moves;
  }

  /** @param now In milliseconds of any clock. */
  lost(client: number, pod: string, now: number): void {
    let move = this.#moves.find((one) => one.pod === pod && now - one.began < TOGETHER);
    if (move === undefined) {
      move = { pod, began: now, away: new Set(), clients: 0, took: undefined };
      this.#moves = [move, ...this.#moves].slice(0, KEPT);
    }
    move.away.add(client);
    move.clients += 1;
    move.took = undefined;
  }

  found(client: number, now: number): void {
    for (const move of this.#moves) {
      if (move.away.delete(client) && move.away.size === 0) move.took = now - move.began;
    }
  }
}
