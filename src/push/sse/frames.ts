import type { Logger } from '../../logger/logger.js';
import { encodeEvent, type EncodableEvent } from '../../sse/encode.js';
import type { TextFrames } from '../http/framer.js';
import type { LogEvent } from '../log/types.js';

/** What a client is sent for an event. Its id is the cursor, or none for a live event; `undefined` leaves the event out. */
export type EncodeHook = (event: LogEvent) => Omit<EncodableEvent, 'id'> | undefined;

/** A block that moves a client's position and gives it no event. */
export function positionBlock(cursor: string, retry?: number): string {
  return encodeEvent(retry === undefined ? { id: cursor } : { id: cursor, retry });
}

/** Sent for a live event that is left out: there is no position to tell of. */
const NOTHING = ':\n\n';

const defaultEncode: EncodeHook = ({ type, data }) => ({ event: type, data });

/**
 * Events and gaps as blocks of an event stream, each but live events with its cursor as the id. An event that cannot be encoded is logged,
 * and clients go on behind it.
 */
export function eventStreamFrames(logger: Logger, encode: EncodeHook = defaultEncode): TextFrames {
  return {
    event(event, cursor) {
      try {
        const encoded = encode(event);
        // Without an id the client keeps the last one, to resume from as if nothing had come.
        if (encoded !== undefined) return encodeEvent({ ...encoded, id: event.live === true ? undefined : cursor });
      } catch (error) {
        const { stream, type, origin, n } = event;
        logger.error({ err: error, stream, type, origin, n }, 'an event could not be encoded and was left out');
      }
      return event.live === true ? NOTHING : positionBlock(cursor);
    },
    gap: ({ reason, streams, missing }, cursor) =>
      encodeEvent({ event: 'gap', data: JSON.stringify({ reason, streams, missing }), id: cursor }),
  };
}
