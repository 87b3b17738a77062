import type { Writable } from 'node:stream';
import type { Tally } from './tally.js';

const TURN_BYTES = 1024 * 1024;
const TURN_WRITES = 1024;

/**
 * Writes the same bytes to its streams in turn, for as long as each has room. Writes to a loopback socket can succeed
 * for ever without the event loop coming round, so each turn of the loop has a bound.
 */
export class Producer {
  readonly #data: Buffer;
  readonly #tally: Tally;
  readonly #cork: boolean;
  readonly #ready: Writable[] = [];
  #next = 0;
  #scheduled = false;

  /** @param cork whether to cork each stream for the length of a turn. */
  constructor(size: number, tally: Tally, cork = false) {
    this.#data = Buffer.alloc(size, 'x');
    this.#tally = tally;
    this.#cork = cork;
  }

  add(stream: Writable): void {
    stream.on('drain', () => this.#push(stream));
    stream.on('close', () => this.#remove(stream));
    this.#push(stream);
  }

  #push(stream: Writable): void {
    this.#ready.push(stream);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #remove(stream: Writable): void {
    const index = this.#ready.indexOf(stream);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  #turn(): void {
    const { size, count } = { size: this.#data.length, count: this.#ready.length };
    const corked = this.#cork ? this.#ready.slice(0, count) : [];
    for (const stream of corked) stream.cork();
    const writes = Math.min(TURN_WRITES, Math.max(1, Math.floor(TURN_BYTES / size)));
    for (let i = 0; i < writes && this.#ready.length > 0; i++) this.#write(size);
    for (const stream of corked) stream.uncork();
    this.#scheduled = this.#ready.length > 0;
    if (this.#scheduled) setImmediate(() => this.#turn());
  }

  #write(size: number): void {
    if (this.#next >= this.#ready.length) this.#next = 0;
    const stream = this.#ready[this.#next];
    if (stream === undefined) return;
    this.#tally.bytes += size;
    this.#tally.ops++;
    if (stream.write(this.#data)) this.#next++;
    else this.#ready.splice(this.#next, 1);
  }
}
