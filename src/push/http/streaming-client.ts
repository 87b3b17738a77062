import type { EndReason, Follower } from '../log/types.js';
import type { Outlet } from './outlet.js';
import { Payload } from './payload.js';
import type { PushResponse } from './types.js';

/** What a client is given at a time: enough for a fast one, and a slow one does not hold much. */
const SLICE = { bytes: 64 * 1024 };

/** What a client needs of those who serve it. */
export interface StreamingHost {
  /** Counts the sweeps. */
  readonly tick: number;
  /** Sweeps without a byte for the client after which it is sent a comment; 0: none is sent. */
  readonly idleTicks: number;
  /** Sweeps without progress after which the client is given up; 0: never. */
  readonly stallTicks: number;
  /** What is sent to a client that was sent nothing else. */
  readonly keepAlive: Payload;
}

/** One response that is fed from a log. It pulls while there is room, and holds nothing of its own. */
export class StreamingClient {
  readonly #host: StreamingHost;
  readonly #res: PushResponse;
  readonly #farewell: ((reason: EndReason) => string | undefined) | undefined;
  #outlet: Outlet | undefined;
  #follower: Follower<Payload> | undefined;
  /** The sweep after which it was last written to. */
  #written: number;
  /** The sweep after which it last made progress, while it has no room; -1 while it has. */
  #blocked = -1;
  #pending = 0;
  #ended = false;

  constructor(host: StreamingHost, res: PushResponse, farewell?: (reason: EndReason) => string | undefined) {
    this.#host = host;
    this.#res = res;
    this.#farewell = farewell;
    this.#written = host.tick;
  }

  /** Why it ended; `undefined` before. */
  get ended(): EndReason | undefined {
    return this.#follower?.ended;
  }

  /** Begins to send, once the head is on its way. */
  begin(outlet: Outlet, follower: Follower<Payload>, preamble: Payload): void {
    this.#outlet = outlet;
    this.#follower = follower;
    if (this.#ended) {
      follower.end();
      outlet.end();
      return;
    }
    if (preamble.bytes.length > 0) this.#write(preamble);
    this.pump();
  }

  /** Sends what is due, as long as there is room. */
  pump(): void {
    const follower = this.#follower;
    if (follower === undefined) return;
    while (this.#blocked < 0 && !this.#ended) {
      const slice = follower.pull(SLICE);
      if (slice === undefined) return;
      this.#write(slice.payload);
    }
  }

  /** Sends a text of its own, such as a bookmark; `false`, and nothing is sent, when the client has no room or has ended. */
  send(text: string): boolean {
    if (this.#ended || this.#blocked >= 0 || this.#outlet === undefined) return false;
    this.#write(Payload.of(text));
    return true;
  }

  /** Ends the response in order, behind what was written. */
  end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#follower?.end(reason);
    const outlet = this.#outlet;
    if (outlet === undefined || this.#res.destroyed) return;
    const last = this.#farewell?.(reason);
    if (last !== undefined) outlet.write(Payload.of(last));
    outlet.end();
    // It may have stalled, and is watched until it is gone.
    this.#pending = outlet.pending;
    if (this.#blocked < 0) this.#blocked = this.#host.tick;
  }

  /** The response was closed: by its end or by the client. */
  closed(): void {
    this.#ended = true;
    this.#follower?.end('left');
  }

  /** Looks after a client that is silent or stuck. */
  sweep(): void {
    const { tick, idleTicks, stallTicks, keepAlive } = this.#host;
    if (this.#blocked >= 0) this.#watch(tick, stallTicks);
    else if (idleTicks > 0 && tick - this.#written >= idleTicks) this.#write(keepAlive);
  }

  #watch(tick: number, stallTicks: number): void {
    const pending = this.#outlet?.pending ?? 0;
    if (pending < this.#pending) {
      this.#pending = pending;
      this.#blocked = tick;
    } else if (stallTicks > 0 && tick - this.#blocked >= stallTicks) {
      this.#ended = true;
      this.#follower?.end('stalled');
      this.#res.destroy();
    }
  }

  #write(payload: Payload): void {
    const outlet = this.#outlet;
    if (outlet === undefined) return;
    this.#written = this.#host.tick;
    if (outlet.write(payload)) return;
    this.#blocked = this.#written;
    this.#pending = outlet.pending;
    outlet.onRoom(() => {
      if (this.#ended) return;
      this.#blocked = -1;
      this.pump();
    });
  }
}
