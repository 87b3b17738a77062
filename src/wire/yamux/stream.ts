import type { WireStream, WireStreamState } from '../machine.js';
import { INITIAL_WINDOW } from './constants.js';

/** A machine's record of a yamux stream, with its two windows. */
export class YamuxStream<Owner> implements WireStream<Owner> {
  readonly id: number;
  readonly inbound: boolean;
  state: WireStreamState;
  localEnded = false;
  remoteEnded = false;
  owner: Owner | undefined;
  /** What the peer still lets us send. */
  sendWindow: number = INITIAL_WINDOW;
  /** Whether somebody found the peer's window used up. */
  starved = false;
  /** What the peer may still send. */
  receiveWindow: number = INITIAL_WINDOW;
  /** What the peer may have under way and unread together: what this stream can cost us. */
  window: number = INITIAL_WINDOW;
  /** Taken by the application, and the peer does not know yet. */
  unannounced = 0;
  /** When the peer was last told. */
  announcedAt: number;

  constructor(id: number, inbound: boolean, owner: Owner | undefined, now: number) {
    this.id = id;
    this.inbound = inbound;
    this.state = inbound ? 'offered' : 'opening';
    this.owner = owner;
    this.announcedAt = now;
  }
}
