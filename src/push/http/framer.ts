import type { Framer, Gap, LogEvent } from '../log/types.js';
import { Payload } from './payload.js';

/** The text of what a transport sends. None of them may throw. */
export interface TextFrames {
  event(event: LogEvent, cursor: string): string;
  gap(gap: Gap, cursor: string): string;
}

/** Makes payloads of text. To be made once per handler, for frames are shared by all who have the same framer. */
export function payloadFramer(frames: TextFrames): Framer<Payload> {
  return {
    event: (event, cursor) => Payload.of(frames.event(event, cursor)),
    gap: (gap, cursor) => Payload.of(frames.gap(gap, cursor)),
    // A new one also for one frame: the frames stay for as long as the events, their other forms need not.
    batch: (payloads) => new Payload(joined(payloads)),
    size: ({ bytes }) => bytes.length,
  };
}

function joined(payloads: readonly Payload[]): Buffer {
  const [first] = payloads;
  if (payloads.length === 1 && first !== undefined) return first.bytes;
  return Buffer.concat(payloads.map(({ bytes }) => bytes));
}
