import type { Link } from './link/link.js';
import type { PodState } from './protocol/messages.js';

/** A link as lists show it. Counts run from when it was opened: readers make rates of them. */
export interface LinkInfo {
  /** Run and name of the other pod. */
  readonly origin: string;
  readonly name: string;
  /** Where it was dialled, or what it connected from. */
  readonly address: string;
  /** What the other pod is up to. */
  readonly state: PodState;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  /** Milliseconds since it was opened. */
  readonly age: number;
  /** Milliseconds of the last ping; `undefined` before the first. */
  readonly roundTrip: number | undefined;
  /** Events of this pod that were sent, and the other pod's own that came. */
  readonly sent: number;
  readonly received: number;
  /** Events of this pod that the other one has not acknowledged. */
  readonly behind: number;
  /** How many times more was to be sent than the other pod would take. */
  readonly slow: number;
  /** Bytes of messages. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Numbers of a mesh, since it was made, unless it says now. */
export interface MeshStats {
  /** Links now. */
  readonly links: number;
  readonly linked: number;
  readonly unlinked: number;
  readonly dialFailures: number;
  /** Links of others that were refused before the hello, for want of proof. */
  readonly refused: number;
  /** Events of this pod that were sent: each counts for each link. */
  readonly sent: number;
  /** Events of other pods that came over their own links. */
  readonly received: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** How many times more was to be sent over a link than the other pod would take. */
  readonly slow: number;
  /** Events that wait for one before them, now. */
  readonly heldBack: number;
  /** Origins of which events are lacking, now. */
  readonly lacking: number;
  /** Questions for events that are lacking. */
  readonly repairs: number;
  /** Events that nobody holds any more, and that were not got before. */
  readonly lost: number;
  /** Publishers that wait for other pods, now; and those that waited in vain. */
  readonly publishing: number;
  readonly unacknowledged: number;
}

/** What is counted of links that are over. */
export class LinkTotals {
  linked = 0;
  unlinked = 0;
  sent = 0;
  received = 0;
  bytesSent = 0;
  bytesReceived = 0;
  slow = 0;

  add(link: Link): void {
    this.sent += link.sender.events;
    this.received += link.received;
    this.bytesSent += link.bytesSent;
    this.bytesReceived += link.bytesReceived;
    this.slow += link.sender.waits;
  }

  copy(): LinkTotals {
    return Object.assign(new LinkTotals(), this);
  }
}

/** What lists show of a link. */
export function linkInfo(link: Link, newest: number, now: number): LinkInfo {
  const { sender, peer, transport } = link;
  return {
    origin: link.origin,
    name: peer?.name ?? '',
    address: transport.address,
    state: link.peerState,
    dialled: transport.dialled,
    age: Math.max(0, now - link.since),
    roundTrip: link.roundTrip,
    sent: sender.events,
    received: link.received,
    behind: sender.started ? Math.max(0, newest - sender.ackedThrough) : newest,
    slow: sender.waits,
    bytesSent: link.bytesSent,
    bytesReceived: link.bytesReceived,
  };
}
