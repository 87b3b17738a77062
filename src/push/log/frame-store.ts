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

/** What is kept of an entry, and its neighbours in the order in which that was begun. */
export interface Framed {
  readonly entry: Entry;
  readonly forms: Made[];
  previous: Framed | undefined;
  next: Framed | undefined;
}

/**
 * The frames of a log's events, each made once per framer, when the first follower wants it. They may be dropped at any
 * time: whoever wants one again has it made again. So they are bounded by bytes, and those made first go first.
 */
export class FrameStore {
  bytes = 0;
  readonly #maxBytes: number;
  #oldest: Framed | undefined;
  #newest: Framed | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The frame of an entry that holds an event. */
  frame<F>(entry: Entry, framer: Framer<F>): F {
    const forms = entry.framed?.forms;
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
    const { framed } = entry;
    if (framed === undefined) return;
    entry.framed = undefined;
    const { previous, next } = framed;
    if (previous === undefined) this.#oldest = next;
    else previous.next = next;
    if (next === undefined) this.#newest = previous;
    else next.previous = previous;
    // An old one must not keep newer ones from being collected.
    framed.previous = undefined;
    framed.next = undefined;
    for (const { bytes } of framed.forms) this.bytes -= bytes;
  }

  #keep(entry: Entry, made: Made): void {
    // Read anew: the framer may have come here too.
    const forms = entry.framed?.forms;
    if (forms === undefined) this.#add({ entry, forms: [made], previous: this.#newest, next: undefined });
    else {
      if (forms.length === MAX_FORMS) this.bytes -= forms.shift()?.bytes ?? 0;
      forms.push(made);
    }
    this.bytes += made.bytes;
    if (this.bytes > this.#maxBytes) this.#shrink(entry);
  }

  #add(framed: Framed): void {
    framed.entry.framed = framed;
    if (this.#newest === undefined) this.#oldest = framed;
    else this.#newest.next = framed;
    this.#newest = framed;
  }

  /** Well below the bound, so that this is rare. */
  #shrink(fresh: Entry): void {
    const goal = this.#maxBytes / 2;
    let framed = this.#oldest;
    while (framed !== undefined && this.bytes > goal) {
      const { entry, next } = framed;
      if (entry !== fresh) this.drop(entry);
      framed = next;
    }
  }
}
