import type { RequestListener } from 'node:http';

/** One way to send Server-Sent Events to many clients. */
export interface SseServer {
  /** Serves clients, which ask for `/events`, or for {@link STALLED_PATH}. */
  readonly handler: RequestListener;
  /**
   * Sends events with these data to all clients, in this turn of the event loop or the next.
   *
   * @returns how many deliveries that makes, without those to clients that stall.
   */
  broadcast(data: readonly string[]): number;
  /** Gives the clients of {@link STALLED_PATH} more than their sockets can hold. */
  flood(): void;
}

/** What a client asks for that will read nothing behind the head of the response. */
export const STALLED_PATH = '/stalled';

/** Bytes that are more than a socket on the loopback address holds. */
export const FLOOD_BYTES: number = 8 * 1024 * 1024;

/** The head of a response, for those that write it themselves. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
};
