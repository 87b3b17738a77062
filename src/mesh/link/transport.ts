import type { Lane } from '../protocol/messages.js';

/** What a link tells its owner. */
export interface TransportEvents {
  /** One whole message. */
  message(lane: Lane, bytes: Uint8Array): void;
  /** The lane has room again, after `send` returned `false`. */
  room(lane: Lane): void;
  /** The other end has gone, or the link was lost. Nothing comes after it. Not called for `close`. */
  closed(error: Error | undefined): void;
}

/** A way to one other pod, whose identity was checked: lanes on which messages arrive whole and in order, or not at all. */
export interface LinkTransport {
  /** Whether this side dialled it. */
  readonly dialled: boolean;
  /** Where the other pod was dialled, or what it connected from. */
  readonly address: string;
  /** Must be called once, before anything is sent; nothing is told before. */
  listen(events: TransportEvents): void;
  /** @returns whether there is room for more; what was given is sent either way. */
  send(lane: Lane, bytes: Uint8Array): boolean;
  /** Ends it, behind what was sent. */
  close(): void;
}
