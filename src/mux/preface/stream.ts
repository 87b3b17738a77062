import type { WireStream, WireStreamState } from '../../wire/machine.js';
import type { Collector } from './collector.js';

/** A stream as seen from above the preface: there once that has been read. */
export class PrefaceStream<Owner> implements WireStream<Owner> {
  readonly inner: WireStream<PrefaceStream<Owner>>;
  owner: Owner | undefined;
  /** Gathers what the peer says first; `undefined` once that is read. */
  collector: Collector | undefined;
  /** Whether this side's user knows of the stream and has not been told that it is over. */
  known = false;
  /** Whether it was refused, and only waits for the peer to take note. */
  refused = false;

  constructor(inner: WireStream<PrefaceStream<Owner>>, owner: Owner | undefined, collector: Collector) {
    this.inner = inner;
    this.owner = owner;
    this.collector = collector;
  }

  get id(): number {
    return this.inner.id;
  }

  get inbound(): boolean {
    return this.inner.inbound;
  }

  get state(): WireStreamState {
    if (!this.known) return 'closed';
    const { state } = this.inner;
    return state === 'open' && !this.inbound && this.collector !== undefined ? 'opening' : state;
  }

  get localEnded(): boolean {
    return this.inner.localEnded;
  }

  get remoteEnded(): boolean {
    return this.inner.remoteEnded;
  }
}
