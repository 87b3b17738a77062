import { Deframer, framed } from '../../src/mesh/carrier/framing.js';
import type { Lane } from '../../src/mesh/protocol/messages.js';
import type { LinkTransport, TransportEvents } from '../../src/mesh/link/transport.js';
import type { Address, Dial } from '../../src/mesh/node/dialer.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

/** What may wait in one lane at most: a pod that gives more to a peer that does not take it has no bound. */
const MAX_QUEUED = 2 * 1024 * 1024;
/** What waits in one lane at most before `send` says that there is no room. */
const LANE_BYTES = 256 * 1024;

interface Flight {
  readonly lane: Lane | 'end';
  readonly bytes: Uint8Array;
}

/** One direction of a connection: frames in order by lane, held while the way is cut. */
class Way {
  readonly #net: Network;
  readonly #from: string;
  readonly #to: string;
  readonly #deliver: (flight: Flight) => void;
  readonly #room: (lane: Lane) => void;
  readonly #lastAt = new Map<string, number>();
  readonly #queued = new Map<Lane, number>();
  readonly #full = new Set<Lane>();
  readonly #deframers = new Map<Lane, Deframer>();
  /** Bytes of which the rest comes with what is behind them. */
  readonly #tails = new Map<Lane, Buffer>();
  readonly #fail: (error: Error) => void;
  #held: Flight[] = [];
  #busyUntil = 0;

  constructor(net: Network, from: End, to: End) {
    this.#net = net;
    this.#from = from.pod;
    this.#to = to.pod;
    this.#deliver = (flight) => to.take(flight);
    this.#fail = (error) => to.fail(error);
    this.#room = (lane) => from.room(lane);
  }

  send(flight: Flight): boolean {
    const { lane } = flight;
    if (lane !== 'end') {
      const queued = (this.#queued.get(lane) ?? 0) + flight.bytes.length;
      this.#queued.set(lane, queued);
      if (queued > MAX_QUEUED)
        this.#net.violations.push(`${this.#from} queues ${queued} bytes of ${lane} for ${this.#to}`);
      if (queued > LANE_BYTES) this.#full.add(lane);
    }
    this.#launch(flight);
    return lane === 'end' || !this.#full.has(lane);
  }

  /** The way may be open again. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const flight of held) this.#launch(flight);
  }

  #launch(flight: Flight): void {
    if (this.#net.isCut(this.#from, this.#to)) {
      this.#held.push(flight);
      return;
    }
    const { clock } = this.#net;
    const rate = this.#net.rate(this.#from, this.#to);
    const start = Math.max(clock.now(), this.#busyUntil);
    this.#busyUntil = start + flight.bytes.length / rate;
    const at = Math.max(this.#busyUntil + this.#net.latency(), this.#lastAt.get(flight.lane) ?? 0);
    // The end comes behind everything.
    const last = flight.lane === 'end' ? Math.max(at, ...this.#lastAt.values()) : at;
    this.#lastAt.set(flight.lane, last);
    this.#net.later(() => this.#arrive(flight), last - clock.now());
  }

  #arrive(flight: Flight): void {
    if (this.#net.isCut(this.#from, this.#to)) {
      this.#held.push(flight);
      return;
    }
    const { lane } = flight;
    if (lane !== 'end') {
      const queued = (this.#queued.get(lane) ?? 0) - flight.bytes.length;
      this.#queued.set(lane, queued);
      if (queued <= LANE_BYTES / 2 && this.#full.delete(lane)) this.#room(lane);
    }
    if (lane === 'end') {
      for (const each of this.#tails.keys()) this.#flush(each);
      return this.#deliver(flight);
    }
    const bytes = framed(flight.bytes);
    if (this.#net.corrupts(this.#from, this.#to)) {
      const bit = Math.floor(this.#net.random() * bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
    this.#pass(lane, bytes);
  }

  /** Hands bytes over, in pieces of any size where the network cuts them; of some the end comes later. */
  #pass(lane: Lane, bytes: Buffer): void {
    const { slicing } = this.#net;
    let all = bytes;
    if (slicing?.joins === true) {
      const before = this.#tails.get(lane);
      all = before === undefined ? bytes : Buffer.concat([before, bytes]);
      const late = slicing.random() < 0.3 ? Math.floor(slicing.random() * all.length) : 0;
      this.#tails.set(lane, all.subarray(all.length - late));
      all = all.subarray(0, all.length - late);
      if (late > 0) this.#net.later(() => this.#flush(lane), 1 + Math.floor(slicing.random() * 5));
    }
    for (let at = 0; at < all.length;) {
      const size = slicing === undefined ? all.length : 1 + Math.floor(slicing.random() ** 2 * 64);
      this.#push(lane, all.subarray(at, at + size));
      at += size;
    }
  }

  #flush(lane: Lane): void {
    const tail = this.#tails.get(lane);
    this.#tails.delete(lane);
    if (tail !== undefined) this.#push(lane, tail);
  }

  #push(lane: Lane, bytes: Buffer): void {
    let deframer = this.#deframers.get(lane);
    if (deframer === undefined) {
      deframer = new Deframer((message) => this.#deliver({ lane, bytes: message }));
      this.#deframers.set(lane, deframer);
    }
    try {
      deframer.push(bytes);
    } catch (error) {
      this.#net.damaged += 1;
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** One end of a connection. */
class End implements LinkTransport {
  readonly dialled: boolean;
  readonly address: string;
  readonly pod: string;
  #events: TransportEvents | undefined;
  readonly #early: Flight[] = [];
  #way: Way | undefined;
  #over = false;

  constructor(pod: string, dialled: boolean, address: string) {
    this.pod = pod;
    this.dialled = dialled;
    this.address = address;
  }

  connect(way: Way): void {
    this.#way = way;
  }

  get way(): Way | undefined {
    return this.#way;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    for (const flight of this.#early.splice(0)) this.take(flight);
  }

  send(lane: Lane, bytes: Uint8Array): boolean {
    return !this.#over && this.#way?.send({ lane, bytes }) === true;
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#way?.send({ lane: 'end', bytes: new Uint8Array() });
  }

  take(flight: Flight): void {
    if (this.#over) return;
    if (this.#events === undefined) {
      this.#early.push(flight);
      return;
    }
    if (flight.lane !== 'end') return this.#events.message(flight.lane, flight.bytes);
    this.#over = true;
    this.#events.closed(undefined);
  }

  /** What came cannot be read: the connection ends, as a transport ends it. */
  fail(error: Error): void {
    if (this.#over) return;
    this.close();
    this.#events?.closed(error);
  }

  room(lane: Lane): void {
    if (!this.#over) this.#events?.room(lane);
  }

  get over(): boolean {
    return this.#over;
  }

  /** The pod is gone: nothing is told to it any more. */
  vanish(): void {
    this.#over = true;
    this.#events = undefined;
  }
}

/** A network of pods by name, with the faults that a real one has. Everything happens on the virtual clock. */
export class Network {
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly #cuts = new Set<string>();
  readonly #slow = new Map<string, number>();
  readonly #corrupt = new Map<string, number>();
  /** Attempts by pair of pods and second. */
  readonly #dials = new Map<string, number>();
  /** Messages on their way, and pieces of them. */
  inFlight = 0;
  /** Cuts what passes in pieces, drawn from a source of its own; with `joins`, pieces also come together with what is behind. */
  slicing: { readonly random: () => number; readonly joins: boolean } | undefined;
  /** Messages that came damaged, and were noticed. */
  damaged = 0;
  /** What must not have happened. Thrown at once it would only end the link on which it was noticed. */
  readonly violations: string[] = [];
  /** When the last fault was healed; `Infinity` while there is one. */
  wholeSince = 0;
  readonly #pods = new Map<string, (transport: LinkTransport) => void>();
  #connections: { readonly ends: readonly [End, End] }[] = [];
  /** Whether connections to pods that are gone are reset, or only fall silent. */
  silentDeaths = false;

  constructor(clock: VirtualClock, random: () => number) {
    this.clock = clock;
    this.random = random;
  }

  latency(): number {
    return 1 + Math.floor(this.random() * 20);
  }

  /** Bytes per millisecond. */
  rate(from: string, to: string): number {
    return this.#slow.get(`${from}>${to}`) ?? 100_000;
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Nothing gets from one pod to another any more; what is on its way waits. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
    this.wholeSince = Infinity;
  }

  slow(from: string, to: string, bytesPerMillisecond: number): void {
    this.#slow.set(`${from}>${to}`, bytesPerMillisecond);
    this.wholeSince = Infinity;
  }

  /** In the next message from one pod to another one bit is flipped. */
  corruptNext(from: string, to: string): void {
    this.#corrupt.set(`${from}>${to}`, 1);
  }

  corrupts(from: string, to: string): boolean {
    return this.#corrupt.delete(`${from}>${to}`);
  }

  /** Connections of which no end is over, as pairs of pods. */
  open(): string[] {
    return this.#connections
      .filter(({ ends }) => ends.every(({ over }) => !over))
      .map(({ ends }) =>
        ends
          .map(({ pod }) => pod)
          .toSorted()
          .join(' '),
      );
  }

  heal(): void {
    this.#cuts.clear();
    this.#slow.clear();
    if (this.wholeSince === Infinity) this.wholeSince = this.clock.now();
    for (const { ends } of this.#connections) for (const end of ends) end.way?.release();
  }

  /** Something that the network does by itself. */
  later(action: () => void, milliseconds: number): void {
    this.inFlight += 1;
    this.clock.setTimeout(() => {
      this.inFlight -= 1;
      action();
    }, milliseconds);
  }

  start(pod: string, accept: (transport: LinkTransport) => void): void {
    this.#pods.set(pod, accept);
  }

  /** The pod is gone, as after SIGKILL: its connections are reset, or fall silent. */
  kill(pod: string): void {
    this.#pods.delete(pod);
    for (const { ends } of this.#connections) {
      const own = ends.find((end) => end.pod === pod);
      if (own === undefined) continue;
      own.vanish();
      if (!this.silentDeaths) own.way?.send({ lane: 'end', bytes: new Uint8Array() });
    }
    this.#connections = this.#connections.filter(({ ends }) => ends.every((end) => end.pod !== pod));
  }

  /** How one pod dials others. */
  dialer(from: string): Dial {
    return (address: Address, outcome) => {
      let cancelled = false;
      const to = address.host;
      const attempt = (): void => {
        if (cancelled) return;
        this.#countDial(from, to);
        const accept = this.#pods.get(to);
        if (this.isCut(from, to) || this.isCut(to, from)) {
          this.clock.setTimeout(() => {
            if (!cancelled) outcome.failed(new Error(`${to} does not answer`));
          }, 1_000);
          return;
        }
        if (accept === undefined || !this.#pods.has(from)) {
          outcome.failed(new Error(`${to} refuses`));
          return;
        }
        const [ours, theirs] = this.#connect(from, to);
        accept(theirs);
        outcome.opened(ours);
      };
      this.clock.setTimeout(attempt, this.latency());
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    };
  }

  #connect(from: string, to: string): readonly [End, End] {
    const ours = new End(from, true, to);
    const theirs = new End(to, false, from);
    ours.connect(new Way(this, ours, theirs));
    theirs.connect(new Way(this, theirs, ours));
    const ends = [ours, theirs] as const;
    this.#connections.push({ ends });
    if (this.#connections.length > 200) {
      this.#connections = this.#connections.filter((each) => !each.ends.every(({ over }) => over));
    }
    return ends;
  }

  #countDial(from: string, to: string): void {
    const key = `${from}>${to} ${Math.floor(this.clock.now() / 10_000)}`;
    const count = (this.#dials.get(key) ?? 0) + 1;
    this.#dials.set(key, count);
    if (count > 20) this.violations.push(`${from} dials ${to} more than twice a second`);
  }
}
