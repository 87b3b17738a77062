import { firstFragment, lastFragment, textFrame } from '../../carrier/websocket/index.js';
import type { Framer, Gap, LogEvent } from '../log/types.js';
import type { ServerMessage } from './messages.js';

/** Frames in a row. */
export type Frames = readonly Buffer[];

/** Makes each event a WebSocket frame once, for all sockets. */
class MessageFramer implements Framer<Frames> {
  readonly #frame: (json: string) => Buffer;
  readonly #joins: boolean;

  constructor(frame: (json: string) => Buffer, joins: boolean) {
    this.#frame = frame;
    this.#joins = joins;
  }

  event({ stream, type, data, live }: LogEvent, cursor: string): Frames {
    return this.#message({ type: 'event', stream, event: type, data, cursor, live });
  }

  gap({ reason, streams, missing }: Gap, cursor: string): Frames {
    return this.#message({ type: 'gap', reason, streams, missing, cursor });
  }

  batch(frames: readonly Frames[]): Frames {
    const all = frames.flat();
    return this.#joins && all.length > 1 ? [Buffer.concat(all)] : all;
  }

  size(frames: Frames): number {
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    return bytes;
  }

  #message(message: ServerMessage): Frames {
    return [this.#frame(JSON.stringify(message))];
  }
}

/** Whole messages, for subscriptions without an id. */
export const MESSAGES: Framer<Frames> = new MessageFramer(textFrame, true);

/** Messages without their first character, to come behind {@link idFragment}. They stay apart. */
export const MESSAGE_ENDS: Framer<Frames> = new MessageFramer((json) => lastFragment(json.slice(1)), false);

/** The beginning of each message of a subscription with an id. */
export function idFragment(id: string): Buffer {
  return firstFragment(`{"id":${JSON.stringify(id)},`);
}

/** Each frame behind the fragment. */
export function behindFragment(fragment: Buffer, frames: Frames): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [fragment, frame]));
}
