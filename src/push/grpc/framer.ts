import type { Framer, Gap, LogEvent } from '../log/types.js';
import type { WatchCodec } from './codec.js';

/** A response without the watch id, made once for all watches. */
export interface SharedResponse {
  /** Whether a gap comes first. */
  readonly gap: boolean;
  /** The gap and the events. */
  readonly body: Buffer;
  /** The header behind them. */
  readonly header: Buffer;
}

/** One response or more, in order. */
export type WatchFrame = readonly SharedResponse[];

/**
 * Makes responses out of parts: encoded messages written one after another are one message, whose lists are joined and
 * whose single fields are the last ones (protobuf encoding, "Last One Wins").
 */
export class WatchFramer implements Framer<WatchFrame> {
  readonly #codec: WatchCodec;
  readonly #run: string;
  readonly #ids = new Map<string, Buffer>();
  /** What was made last: calls at the same place, and most are, follow one another, and most have one watch with one id. */
  #last: { readonly response: SharedResponse; readonly watchId: string; readonly bytes: Buffer } | undefined;

  constructor(codec: WatchCodec, run: string) {
    this.#codec = codec;
    this.#run = run;
  }

  event({ stream, type, data, index, live }: LogEvent, cursor: string): WatchFrame {
    const event = { stream, type, data: Buffer.from(data), revision: index, cursor, live: live === true };
    const body = this.#codec.encodeResponse({ events: [event] });
    return [{ gap: false, body, header: this.header(index, cursor) }];
  }

  gap({ reason, streams, missing }: Gap, cursor: string): WatchFrame {
    const ranges = missing.map(({ origin, after, through }) =>
      through === undefined ? { origin, after } : { origin, after, through },
    );
    const body = this.#codec.encodeResponse({ gap: { reason, streams: [...streams], missing: ranges } });
    // How far the client has come by revision is not known here; the events behind the gap will tell.
    return [{ gap: true, body, header: this.header(undefined, cursor) }];
  }

  batch(frames: readonly WatchFrame[]): WatchFrame {
    const only = frames[0];
    if (frames.length === 1 && only !== undefined) return only;
    const responses: SharedResponse[] = [];
    let parts: SharedResponse[] = [];
    for (const part of frames.flat()) {
      // A gap is told before the events behind it, so it begins a response.
      if (part.gap && parts.length > 0) {
        responses.push(joined(parts));
        parts = [];
      }
      parts.push(part);
    }
    if (parts.length > 0) responses.push(joined(parts));
    return responses;
  }

  size(frame: WatchFrame): number {
    let bytes = 0;
    for (const { body, header } of frame) bytes += body.length + header.length;
    return bytes;
  }

  /** A header alone, as the bytes of a response. */
  header(revision: number | undefined, cursor: string): Buffer {
    const header = { run: this.#run, cursor, ...(revision === undefined ? {} : { revision }) };
    return this.#codec.encodeResponse({ header });
  }

  /** The bytes of a response of one watch. */
  whole(response: SharedResponse, watchId: string): Buffer {
    if (this.#last?.response === response && this.#last.watchId === watchId) return this.#last.bytes;
    const bytes = Buffer.concat([this.#id(watchId), response.body, response.header]);
    this.#last = { response, watchId, bytes };
    return bytes;
  }

  #id(watchId: string): Buffer {
    let bytes = this.#ids.get(watchId);
    if (bytes === undefined) {
      bytes = this.#codec.encodeResponse({ watchId });
      // Clients choose ids; only the usual ones are worth keeping.
      if (this.#ids.size < MAX_IDS) this.#ids.set(watchId, bytes);
    }
    return bytes;
  }
}

const MAX_IDS = 1_024;

function joined(parts: readonly SharedResponse[]): SharedResponse {
  const last = parts.at(-1);
  const body = Buffer.concat(parts.map((part) => part.body));
  return { gap: parts[0]?.gap === true, body, header: last?.header ?? Buffer.alloc(0) };
}
