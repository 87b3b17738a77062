import type { LogEvent } from '../../push/log/types.js';

/** What is posted to a peer (`Event` of the original). */
export interface PeerEvent {
  readonly stream: string;
  readonly msg: string;
}

/**
 * Reads a posted event. Bytes that are no UTF-8 become U+FFFD, as in the original; members that it does not know are
 * ignored.
 *
 * @returns `undefined` for what is none.
 */
export function parsePeerEvent(body: Buffer): PeerEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { stream, msg } = value as Record<string, unknown>;
  return typeof stream === 'string' && typeof msg === 'string' ? { stream, msg } : undefined;
}

/**
 * Whether the original can hand an event to its clients. It knows no types, so that these would take one for a plain
 * message, which clients of other pods do not see it as; and an empty message ends the streams of its clients.
 */
export function isPostable({ type, data }: LogEvent): boolean {
  return type === 'message' && data !== '';
}

/** The body that an event is posted with. */
export function encodePeerEvent({ stream, data }: LogEvent): Buffer {
  return Buffer.from(JSON.stringify({ stream, msg: unframed(data) } satisfies PeerEvent));
}

/**
 * The original puts `data: ` before the text and writes it as it is: lines behind the first would be fields of their own,
 * and a text that begins with a colon is written even without that and would be a comment. So lines get their `data: ` here,
 * and a comment goes before that colon.
 */
function unframed(data: string): string {
  const lines = data.split(/\r\n|\r|\n/).join('\ndata: ');
  return lines.startsWith(':') ? `:\ndata: ${lines}` : lines;
}
