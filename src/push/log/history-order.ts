import type { Channel } from './channel.js';
import type { Entry } from './entry.js';

interface Node {
  readonly entry: Entry;
  readonly channel: Channel;
  previous: Node | undefined;
  next: Node | undefined;
}

/** All entries of all streams in the order in which they came, for bounds that hold over the whole log. */
export class HistoryOrder {
  bytes = 0;
  readonly #nodes = new Map<Entry, Node>();
  #oldest: Node | undefined;
  #newest: Node | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  /** The oldest entry and the stream it is of. */
  get oldest(): { readonly entry: Entry; readonly channel: Channel } | undefined {
    return this.#oldest;
  }

  add(channel: Channel, entry: Entry): void {
    const node: Node = { entry, channel, previous: this.#newest, next: undefined };
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.next = node;
    this.#newest = node;
    this.#nodes.set(entry, node);
    this.bytes += entry.bytes;
  }

  remove(entry: Entry): void {
    const node = this.#nodes.get(entry);
    if (node === undefined) return;
    this.#nodes.delete(entry);
    this.bytes -= entry.bytes;
    if (node.previous === undefined) this.#oldest = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#newest = node.previous;
    else node.next.previous = node.previous;
  }
}
