import type { PushRequest, PushResponse } from './types.js';

/** Counts the requests that are being served: all, and those of each HTTP/2 connection. */
export class RequestCounter {
  readonly #most: number;
  readonly #mostPerConnection: number;
  readonly #perConnection = new WeakMap<object, number>();
  #all = 0;
  /** One for all, for it stays with each response. */
  readonly #leave = (): void => {
    this.#all -= 1;
  };

  constructor(most: number, mostPerConnection: number) {
    this.#most = most;
    this.#mostPerConnection = mostPerConnection;
  }

  /** Counts a request in until its response is closed; when there are too many, gives the status to refuse it with. */
  enter(req: PushRequest, res: PushResponse): 429 | 503 | undefined {
    if (this.#all >= this.#most) return 503;
    // It is not to be had any more when the request is over.
    const session = 'stream' in req ? req.stream.session : undefined;
    if (session !== undefined) {
      const count = this.#perConnection.get(session) ?? 0;
      if (count >= this.#mostPerConnection) return 429;
      this.#perConnection.set(session, count + 1);
      res.on('close', () => this.#perConnection.set(session, (this.#perConnection.get(session) ?? 1) - 1));
    }
    this.#all += 1;
    res.on('close', this.#leave);
    return undefined;
  }
}
