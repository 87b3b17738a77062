import type { Entry } from './entry.js';
import type { Framer } from './types.js';

/** Frames that are kept of one entry; past it the one made first goes, so that short-lived framers cannot pile up. */
const MAX_FORMS = 8;
/** What keeping a frame costs besides its bytes. */
const OVERHEAD_BYTES = 96;

interface Made {
  readonly framer: Framer<unknown>;
  readonly frame: unknown;
  readonly bytes: number;
}

/**
 * The frames of a log's events, each made once per framer, when the first follower wants it. They may be dropped at any
 * time: whoever wants one again has it made again. So they are bounded by bytes, and those made first go first.
 */
export class FrameStore {
  bytes = 0;
  readonly #maxBytes: number;
  readonly #made = new Map<Entry, Made[]>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The frame of an entry that holds an event. */
  frame<F>(entry: Entry, framer: Framer<F>): F {
    const forms = this.#made.get(entry);
    if (forms !== undefined) for (const made of forms) if (made.framer === framer) return made.frame as F;
    const { item, cursor } = entry;
    if (item.kind === 'loss') throw new TypeError('a loss is framed for those who are told of it');
    const frame = framer.event(item.kind === 'live' ? item.event : item, cursor);
    const bytes = OVERHEAD_BYTES + framer.size(frame);
    if (bytes <= this.#maxBytes) this.#keep(entry, { framer, frame, bytes });
    return frame;
  }

  /** The entry has left the history. */
  drop(entry: Entry): void {
    const forms = this.#made.get(entry);
    if (forms === undefined) return;
    this.#made.delete(entry);
    for (const { bytes } of forms) this.bytes -= bytes;
  }

  #keep(entry: Entry, made: Made): void {
    // Read anew: the framer may have come here too.
    const forms = this.#made.get(entry);
    if (forms === undefined) this.#made.set(entry, [made]);
    else {
      if (forms.length === MAX_FORMS) this.bytes -= forms.shift()?.bytes ?? 0;
      forms.push(made);
    }
    this.bytes += made.bytes;
    if (this.bytes > this.#maxBytes) this.#shrink(entry);
  }

  /** Well below the bound, so that this is rare. */
  #shrink(fresh: Entry): void {
    const goal = this.#maxBytes / 2;
    for (const entry of this.#made.keys()) {
      if (this.bytes <= goal) return;
      if (entry !== fresh) this.drop(entry);
    }
  }
}
