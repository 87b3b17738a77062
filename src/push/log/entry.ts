import type { Channel } from './channel.js';
import type { Framed } from './frame-store.js';
import { costOf, type StoredItem } from './event.js';

/** One place in the ring of a channel. Channels whose cursors are the same there share it, and its frames. */
export class Entry {
  readonly item: StoredItem;
  /** The cursor behind it. */
  readonly cursor: string;
  readonly bytes: number;
  /** The stream whose ring it is in, for as long as it is; rings of several streams only borrow it. */
  home: Channel | undefined;
  /** Neighbours in the order of arrival over all streams. */
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Its frames; belongs to whoever keeps them. */
  framed: Framed | undefined;

  constructor(item: StoredItem, cursor: string) {
    this.item = item;
    this.cursor = cursor;
    this.bytes = costOf(item);
    this.home = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.framed = undefined;
  }
}
