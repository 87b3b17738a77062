import { costOf, type StoredItem } from './event.js';

/** One place in the ring of a channel. */
export class Entry {
  readonly item: StoredItem;
  /** The cursor behind it. */
  readonly cursor: string;
  readonly bytes: number;

  constructor(item: StoredItem, cursor: string) {
    this.item = item;
    this.cursor = cursor;
    this.bytes = costOf(item);
  }
}
