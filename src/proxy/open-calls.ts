import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** How many plain requests of a connection are not answered yet, for all proxies of the process. */
const unanswered = new WeakMap<Duplex, number>();

/** Counts a plain request until it is answered. */
export function countUntilAnswered({ socket }: IncomingMessage, res: ServerResponse): void {
  unanswered.set(socket, (unanswered.get(socket) ?? 0) + 1);
  res.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
}

/** Whether whatever was written to the socket now would stand in the middle of the answer to an earlier request. */
export function isAnswering(socket: Duplex): boolean {
  return (unanswered.get(socket) ?? 0) > 0;
}

/** What a proxy has under way, so that it can be stopped. */
export class OpenCalls {
  readonly #cuts = new Set<() => void>();
  #stopped = false;

  constructor(signal: AbortSignal | undefined) {
    if (signal === undefined) return;
    if (signal.aborted) this.#stop();
    else signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Whether nothing new is to be begun. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Has `cut` called when the proxy stops; returns what to call when the work is done. */
  add(cut: () => void): () => void {
    this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }

  #stop(): void {
    this.#stopped = true;
    for (const cut of this.#cuts) cut();
  }
}
