import type { Writable } from 'node:stream';
import type { EndReason, Follower, FollowOptions, Framer, StartPosition } from '../log/types.js';
import type { Outlet } from './outlet.js';
import { Payload, type Form } from './payload.js';
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

/** What a response follows, and how it ends. */
export interface Following extends Omit<FollowOptions<Payload>, 'onReady' | 'onEnd' | 'framer'> {
  /** What is sent last when the response ends in order. */
  readonly farewell?: (reason: EndReason) => string | undefined;
}

/**
 * One response that is fed from a log. It pulls while there is room, and holds nothing of its own. To the log it is its own
 * options: among thousands of clients the cost of a delivery is that of the objects it goes through.
 */
export class StreamingClient implements FollowOptions<Payload> {
  readonly #host: StreamingHost;
  readonly #res: PushResponse;
  readonly #farewell: ((reason: EndReason) => string | undefined) | undefined;
  #outlet: Outlet | undefined;
  /** Where payloads in this form may be written past the outlet. */
  #socket: Writable | undefined;
  #form: Form | undefined;
  #follower: Follower<Payload> | undefined;
  /** The sweep after which it was last written to. */
  #written: number;
  /** Bytes that had not left at the last look, and those written on top of them since. */
  #pending = 0;
  /** The sweep at which some of them were last seen to have left. */
  #progress = 0;
  /** There is no room before the outlet says so. */
  #full = false;
  #ended = false;
  readonly streams: string | readonly string[];
  readonly start: StartPosition;
  readonly framer: Framer<Payload>;
  readonly transport: string;
  readonly peer: string | undefined;
  readonly whenOvertaken: 'gap' | 'drop';

  constructor(host: StreamingHost, res: PushResponse, following: Following, framer: Framer<Payload>) {
    this.#host = host;
    this.#res = res;
    this.#farewell = following.farewell;
    this.streams = following.streams;
    this.start = following.start ?? 'now';
    this.framer = framer;
    this.transport = following.transport;
    this.peer = following.peer;
    this.whenOvertaken = following.whenOvertaken ?? 'gap';
    this.#written = host.tick;
  }

  /** Begins to send, once the head is on its way. */
  begin(outlet: Outlet, follower: Follower<Payload>, preamble: Payload): void {
    this.#outlet = outlet;
    this.#socket = outlet.socket;
    this.#form = outlet.form;
    this.#follower = follower;
    if (this.#ended) {
      follower.end();
      outlet.end();
      return;
    }
    if (preamble.bytes.length > 0) this.#write(preamble);
    this.#pump();
  }

  /** Whether it is ended, or has left. */
  get over(): boolean {
    return this.#ended;
  }

  onReady(): void {
    this.#pump();
  }

  onEnd(reason: EndReason): void {
    this.end(reason);
  }

  /** Sends what is due, as long as there is room. */
  #pump(): void {
    const follower = this.#follower;
    if (follower === undefined) return;
    while (!this.#full && !this.#ended) {
      const slice = follower.pull(SLICE);
      if (slice === undefined) return;
      this.#write(slice.payload);
    }
  }

  /** Sends a text of its own, such as a bookmark; `false`, and nothing is sent, when the client has no room or has ended. */
  send(text: string): boolean {
    if (this.#ended || this.#full || this.#outlet === undefined) return false;
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
    // It is watched until it is gone.
    this.#pending = outlet.pending;
    this.#progress = this.#host.tick + 1;
  }

  /** The response was closed: by its end or by the client. */
  closed(): void {
    this.#ended = true;
    this.#follower?.end('left');
  }

  /** Looks after a client that is silent or stuck. */
  sweep(): void {
    const { tick, idleTicks, keepAlive } = this.#host;
    const pending = this.#outlet?.pending ?? 0;
    if (this.#ended || pending > 0) return this.#watch(pending);
    this.#pending = 0;
    if (idleTicks > 0 && tick - this.#written >= idleTicks && !this.#full) this.#write(keepAlive);
  }

  /** Something is on its way, be it the end. A client that takes none of it is cut off. */
  #watch(pending: number): void {
    const { tick, stallTicks } = this.#host;
    const moves = this.#pending === 0 ? pending > 0 : pending < this.#pending;
    if (moves) {
      this.#pending = pending;
      this.#progress = tick;
    } else if (stallTicks > 0 && tick - this.#progress >= stallTicks) {
      this.#ended = true;
      this.#follower?.end('stalled');
      cutOff(this.#res);
    }
  }

  #write(payload: Payload): void {
    const outlet = this.#outlet;
    if (outlet === undefined) return;
    this.#written = this.#host.tick;
    const before = this.#pending > 0 ? outlet.pending : 0;
    const room = this.#put(outlet, payload);
    if (this.#pending > 0) this.#pending += outlet.pending - before;
    if (room) return;
    this.#full = true;
    outlet.onRoom(() => {
      if (this.#ended) return;
      this.#full = false;
      this.#pump();
    });
  }

  #put(outlet: Outlet, payload: Payload): boolean {
    const socket = this.#socket;
    return socket === undefined || this.#form === undefined
      ? outlet.write(payload)
      : socket.write(payload.form(this.#form));
  }
}

/**
 * Takes back what was not sent. With HTTP/2 the connection gets no new streams after that: a client that has us reset one
 * may have come to do that, or may not be there any more. Its other streams go on.
 */
function cutOff(res: PushResponse): void {
  const session = 'stream' in res ? res.stream.session : undefined;
  res.destroy();
  session?.close();
}
