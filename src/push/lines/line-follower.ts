import { Payload } from '../http/payload.js';
import type { EndReason, Follower, Slice } from '../log/types.js';
import { joinLines, type Line } from './line.js';

/** What becomes of a special line: it is sent, left out, the last that is sent, or the end without being sent. */
export type Verdict = 'send' | 'skip' | 'last' | 'stop';

/** What a {@link LineFollower} asks and tells. */
export interface LineHooks<L extends Line> {
  /** Asked for each special line. `initial` until the client has had once all there was. */
  readonly judge: (line: L, initial: boolean) => Verdict;
  /** The client has had all there was, for the first time. */
  readonly onCaughtUp?: () => void;
  /** The last line has gone out, and the client has room again: the response should end. */
  readonly onLast: () => void;
}

interface Shared {
  readonly payload: Payload;
  readonly special: boolean;
}

/** What is made of lists that several clients are given. */
const SHARED = new WeakMap<readonly Line[], Shared>();

/**
 * Follows in lines and gives payloads, so that the machinery of streams serves transports that end behind some line, or
 * that leave some out. Whoever is given the same lines gets the same payload.
 */
export class LineFollower<L extends Line> implements Follower<Payload> {
  readonly #inner: Follower<readonly L[]>;
  readonly #hooks: LineHooks<L>;
  #initial = true;
  #over = false;

  constructor(inner: Follower<readonly L[]>, hooks: LineHooks<L>) {
    this.#inner = inner;
    this.#hooks = hooks;
  }

  get id(): number {
    return this.#inner.id;
  }
  get streams(): readonly string[] {
    return this.#inner.streams;
  }
  get transport(): string {
    return this.#inner.transport;
  }
  get peer(): string | undefined {
    return this.#inner.peer;
  }
  get since(): number {
    return this.#inner.since;
  }
  get delivered(): number {
    return this.#inner.delivered;
  }
  get cursor(): string {
    return this.#inner.cursor;
  }
  get lag(): number {
    return this.#inner.lag;
  }
  get ended(): EndReason | undefined {
    return this.#inner.ended;
  }

  end(reason?: EndReason): void {
    this.#inner.end(reason);
  }

  pull(limit?: { readonly items?: number; readonly bytes?: number }): Slice<Payload> | undefined {
    while (!this.#over) {
      const slice = this.#inner.pull(limit);
      if (slice === undefined) {
        this.#caughtUp();
        return undefined;
      }
      const payload = this.#payload(slice.payload);
      if (payload.bytes.length > 0) return { payload, items: slice.items, bytes: payload.bytes.length };
    }
    this.#hooks.onLast();
    return undefined;
  }

  #caughtUp(): void {
    // What ended meanwhile has nothing to say.
    if (!this.#initial || this.ended !== undefined) return;
    this.#initial = false;
    this.#hooks.onCaughtUp?.();
  }

  #payload(lines: readonly L[]): Payload {
    const { payload, special } = share(lines);
    return special ? new Payload(joinLines(this.#judged(lines))) : payload;
  }

  #judged(lines: readonly L[]): L[] {
    const kept: L[] = [];
    for (const line of lines) {
      const verdict = line.special ? this.#hooks.judge(line, this.#initial) : 'send';
      if (verdict === 'send' || verdict === 'last') kept.push(line);
      if (verdict === 'last' || verdict === 'stop') {
        this.#over = true;
        break;
      }
    }
    return kept;
  }
}

function share(lines: readonly Line[]): Shared {
  let shared = SHARED.get(lines);
  if (shared === undefined) {
    const special = lines.some((line) => line.special);
    shared = { special, payload: new Payload(special ? Buffer.alloc(0) : joinLines(lines)) };
    SHARED.set(lines, shared);
  }
  return shared;
}
