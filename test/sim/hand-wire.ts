import type { LinkTransport, TransportEvents } from '../../src/mesh/link/transport.js';
import { MeshNode, type NodeEvents } from '../../src/mesh/node/mesh-node.js';
import type { Lane } from '../../src/mesh/protocol/messages.js';
import { EventLog } from '../../src/push/index.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { TIMES } from './world.js';

/** One end of a connection whose messages are delivered one by one, by hand. */
export class HandEnd implements LinkTransport {
  readonly dialled: boolean;
  readonly address: string;
  /** Messages on their way to this end; `undefined` for the end of the connection. */
  readonly inbox: ({ readonly lane: Lane; readonly bytes: Uint8Array } | undefined)[] = [];
  other: HandEnd | undefined;
  over = false;
  #events: TransportEvents | undefined;

  constructor(dialled: boolean, address: string) {
    this.dialled = dialled;
    this.address = address;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
  }

  send(lane: Lane, bytes: Uint8Array): boolean {
    if (!this.over) this.other?.inbox.push({ lane, bytes });
    return !this.over;
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.other?.inbox.push(undefined);
  }

  /** Tells that a lane has room again. */
  makeRoom(lane: Lane): void {
    this.#events?.room(lane);
  }

  /** Hands the next message over. */
  deliver(): void {
    const next = this.inbox.shift();
    if (this.over) return;
    if (next !== undefined) return this.#events?.message(next.lane, next.bytes);
    this.over = true;
    this.#events?.closed(undefined);
  }
}

/** A connection, its dialling end first. */
export function handPair(): readonly [HandEnd, HandEnd] {
  const ours = new HandEnd(true, 'there');
  const theirs = new HandEnd(false, 'here');
  ours.other = theirs;
  theirs.other = ours;
  return [ours, theirs];
}

/** A pod that serves, of a run that is named. */
export interface HandPod {
  readonly log: EventLog;
  readonly node: MeshNode;
}

/** Pods on one clock, between which nothing moves by itself. */
export class HandWorld {
  readonly clock: VirtualClock = new VirtualClock();
  readonly ends: HandEnd[] = [];

  /** A pod that serves, or one that has only been told that there are others. */
  addPod(origin: string, name: string, events: NodeEvents = {}, state: 'ready' | 'joining' = 'ready'): HandPod {
    const { clock } = this;
    const schedule = (flush: () => void): void => void clock.setTimeout(flush, 0);
    const log = new EventLog({ clock, origin, schedule });
    const node = new MeshNode({
      log,
      name,
      dial: () => ({ cancel: () => {} }),
      times: TIMES,
      random: seededRandom(1),
      schedule,
      events,
    });
    if (state === 'joining') return { log, node };
    node.setPeers([]);
    clock.advance(TIMES.aloneAfter + 1);
    return { log, node };
  }

  /** One pod dials another. */
  connect(from: HandPod, to: HandPod): readonly [HandEnd, HandEnd] {
    const [ours, theirs] = handPair();
    this.ends.push(ours, theirs);
    // As a dialer would have it: the number of the attempt counts.
    to.node.accept(theirs);
    from.node.accept(ours);
    return [ours, theirs];
  }

  /** Ends to which something is on its way. */
  get busy(): HandEnd[] {
    return this.ends.filter(({ inbox }) => inbox.length > 0);
  }

  /** Delivers everything, turn by turn. */
  settle(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      this.clock.advance(0);
      const { busy } = this;
      if (busy.length === 0) return;
      for (const end of busy) end.deliver();
    }
    throw new Error('the pods talk without end');
  }

  /** Connections of which no end is over. */
  get open(): HandEnd[] {
    return this.ends.filter((end) => end.dialled && !end.over && end.other?.over === false);
  }
}
