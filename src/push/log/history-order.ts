import type { Channel } from './channel.js';
import type { Entry } from './entry.js';

/** All entries of all streams in the order in which they came, for bounds that hold over the whole log. */
export class HistoryOrder {
  size = 0;
  bytes = 0;
  /** Bytes of the cursors behind the entries: with many origins more than those of small events. */
  cursorBytes = 0;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  get oldest(): Entry | undefined {
    return this.#oldest;
  }

  /** What is held of some streams, oldest first. */
  of(channels: ReadonlySet<Channel>): Entry[] {
    const entries: Entry[] = [];
    for (let entry = this.#oldest; entry !== undefined; entry = entry.next) {
      if (entry.home !== undefined && channels.has(entry.home)) entries.push(entry);
    }
    return entries;
  }

  /** An entry has come into the ring of a stream. */
  add(channel: Channel, entry: Entry): void {
    entry.home = channel;
    entry.previous = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
    this.size += 1;
    this.bytes += entry.bytes;
    this.cursorBytes += entry.cursor.length;
  }

  /** An entry has left the ring of its stream; nothing happens for one that is not in the order. */
  remove(entry: Entry): void {
    if (entry.home === undefined) return;
    const { previous, next } = entry;
    if (previous === undefined) this.#oldest = next;
    else previous.next = next;
    if (next === undefined) this.#newest = previous;
    else next.previous = previous;
    entry.home = undefined;
    entry.previous = undefined;
    entry.next = undefined;
    this.size -= 1;
    this.bytes -= entry.bytes;
    this.cursorBytes -= entry.cursor.length;
  }
}
