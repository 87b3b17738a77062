import { Alarm } from '../../clock/alarm.js';
import { ConnectionLostError, ProtocolError } from '../../errors/index.js';
import { Link, type LinkHost, type LinkTimes } from '../link/link.js';
import type { Batch } from '../link/log-sender.js';
import type { LinkTransport } from '../link/transport.js';
import type { Presence } from '../bus.js';
import {
  PROTOCOL_VERSION,
  type FetchMessage,
  type Hello,
  type LogMessage,
  type PodState,
  type Positions,
} from '../protocol/messages.js';
import { Acknowledgements, type Ack, type Settled } from './acknowledgements.js';
import { Answers } from './answers.js';
import { Copies } from './copies.js';
import { Dialer, type Address, type Dial, type DialTimes } from './dialer.js';
import { Drain, type DrainResult } from './drain.js';
import { Inbox } from './inbox.js';
import { Join, type JoinTimes } from './join.js';
import { Laggards } from './laggards.js';
import { holdsAny, type MeshLog } from './log-view.js';
import { Names } from './names.js';
import { OwnLog } from './own-log.js';
import { survivor } from './pairing.js';
import { PRESENCE, Presences, type OwnFollowers } from './presence.js';
import { Repair, type RepairTimes } from './repair.js';

/** Periods of a pod, in milliseconds. */
export interface NodeTimes extends LinkTimes, DialTimes, RepairTimes, JoinTimes {
  /** Between tellings of the vector that nothing else has occasioned. */
  readonly havePeriod: number;
  /** From a change of the vector until it is told to a few others. To more it takes proportionally longer. */
  readonly haveDelay: number;
}

/** What a pod tells of itself. */
export interface NodeEvents {
  linked?(link: Link): void;
  unlinked?(link: Link, error: Error | undefined): void;
  /** A link failed before it was one: the other pod keeps another history, speaks another version, or is none. */
  refused?(link: Link, error: Error): void;
  dialFailed?(address: Address, error: Error): void;
  state?(state: PodState): void;
  lost?(origin: string, after: number, through: number): void;
  /** Several pods that live have this name. */
  sharedName?(name: string): void;
}

/** How a pod is made. */
export interface NodeOptions {
  readonly log: MeshLog;
  /** Name of the pod: a new run under it replaces the older one. */
  readonly name: string;
  readonly dial: Dial;
  readonly times: NodeTimes;
  readonly random: () => number;
  /** Has own events sent, and what came acknowledged, once per tick. */
  readonly schedule: (flush: () => void) => void;
  /** Who follows here. Default: nobody. */
  readonly followers?: () => OwnFollowers;
  readonly events?: NodeEvents;
}

/** Links, up to which what a pod has got is told `haveDelay` after a change. */
const SOON_TOLD = 4;

/** Milliseconds for which others are told of a run that has gone, and of which no event is held: a day. */
const TOLD_FOR = 86_400_000;
/** Links of which a hello is still to come; more are ended until some have timed out. */
const MAX_PENDING = 256;
/** Runs of which that is remembered: as many as a log knows. */
const MAX_TOLD = 4_096;

/**
 * One pod of a mesh: it keeps a link to every other pod, sends its own events over each, takes theirs in order, gets what it
 * lacks from whoever holds it, and hands on what it holds. It has no sockets and no timers but what it is given.
 */
export class MeshNode implements LinkHost {
  readonly log: MeshLog;
  readonly clock: MeshLog['clock'];
  readonly times: NodeTimes;
  readonly name: string;
  readonly #options: NodeOptions;
  readonly #own: OwnLog;
  readonly #inbox: Inbox;
  readonly #repair: Repair;
  readonly #join: Join;
  readonly #copies: Copies;
  readonly #answers: Answers;
  readonly #presences: Presences;
  readonly #laggards: Laggards;
  readonly #dialer: Dialer;
  readonly #acknowledgements: Acknowledgements;
  readonly #haveAlarm: Alarm;
  readonly #untap: () => void;
  /** Links by the run at their other end: one each. */
  readonly #links = new Map<string, Link>();
  /** Links of which a hello is still to come, with where they were dialled. */
  readonly #pending = new Map<Link, Address | undefined>();
  readonly #names = new Names();
  readonly #toAck = new Set<Link>();
  /** Origins that the log has got on with since that was told. */
  readonly #untold = new Set<string>();
  /** When the log got on with an origin last; the newest comes last. */
  readonly #movedAt = new Map<string, number>();
  /** When this pod published last. */
  #publishedAt: number | undefined;
  /** Links of which it was told that they are there. */
  readonly #told = new Set<Link>();
  #wholeHaveAt: number;
  #state: PodState = 'joining';
  #dials = 0;
  #scheduled = false;
  #drain: Drain | undefined;
  #closed = false;

  constructor(options: NodeOptions) {
    const { log, random } = options;
    const times = withinAge(options.times, log.settings.history.age);
    this.log = log;
    this.clock = log.clock;
    this.times = times;
    this.name = options.name;
    this.#options = options;
    this.#own = new OwnLog(log);
    this.#inbox = new Inbox(log);
    this.#copies = new Copies(log);
    this.#answers = new Answers(log);
    const links = (): Iterable<Link> => this.#links.values();
    const allTried = (): boolean => this.#dialer.allTried;
    this.#laggards = new Laggards({
      log,
      links,
      positions: () => this.#positions(),
      movedAt: (origin) => (origin === log.origin ? this.#publishedAt : this.#movedAt.get(origin)),
    });
    this.#presences = new Presences({
      clock: log.clock,
      origin: log.origin,
      name: options.name,
      own: options.followers ?? ((): OwnFollowers => ({ clients: 0, streams: new Map() })),
      links,
    });
    this.#acknowledgements = new Acknowledgements(log.clock, {
      origin: log.origin,
      links,
      allTried,
      copies: (link) => this.#copies.has(link),
    });
    this.#dialer = new Dialer({
      clock: log.clock,
      random,
      times,
      dial: options.dial,
      linked: (origin, name) => this.#isLinked(origin, name),
      opened: (transport, address) => this.#begin(transport, address),
      failed: (address, error) => {
        options.events?.dialFailed?.(address, error);
        this.#tried();
      },
    });
    this.#repair = new Repair({
      log,
      inbox: this.#inbox,
      times,
      random,
      links,
      someUnreachable: () => this.#dialer.unreachable > 0,
      moved: (origin) => this.#moved(origin),
      lost: (origin, after, through) => options.events?.lost?.(origin, after, through),
    });
    this.#join = new Join({
      log,
      times,
      random,
      links,
      allTried: () => allTried() && !this.#dialer.someRefused,
      copied: () => this.#copied(),
      ready: () => this.#become('ready'),
    });
    this.#haveAlarm = new Alarm(log.clock, () => this.#tellHave());
    this.#untap = log.tap(({ origin }) => {
      if (origin !== log.origin) return;
      this.#publishedAt = log.clock.now();
      this.#schedule();
    });
    this.#wholeHaveAt = log.clock.now() + this.#haveWait();
  }

  get state(): PodState {
    return this.#state;
  }

  /** Links whose hellos went both ways. */
  get links(): ReadonlyMap<string, Link> {
    return this.#links;
  }

  /** What waits: origins that events are lacking of, events held back, publishers, and links without a hello. */
  get waiting(): {
    readonly repairs: number;
    readonly heldBack: number;
    readonly publishers: number;
    readonly hellos: number;
  } {
    return {
      repairs: this.#repair.size,
      heldBack: this.#inbox.size,
      publishers: this.#acknowledgements.size,
      hellos: this.#pending.size,
    };
  }

  /** How often others were asked for events that are lacking, and for who follows there. */
  get questions(): { readonly events: number; readonly presence: number } {
    return { events: this.#repair.questions, presence: this.#presences.asked };
  }

  /** The pods to link, without this one where the source can tell. */
  setPeers(addresses: readonly Address[]): void {
    if (this.#closed) return;
    // Not before there are others to tell: a pod that was made and never started keeps no process alive.
    if (this.#untold.size === 0) this.#haveAlarm.set(this.#wholeHaveAt);
    this.#dialer.set(addresses);
    this.#tried();
  }

  /** A pod has dialled this one. */
  accept(transport: LinkTransport): void {
    if (this.#closed || this.#pending.size >= MAX_PENDING) return transport.close();
    this.#begin(transport, undefined);
  }

  /** Waits until others have event `n` of an origin, which is this pod unless another is named: see {@link Ack}. */
  acknowledged(n: number, ack: Ack, timeout: number, settled: Settled, origin: string = this.log.origin): void {
    this.#acknowledgements.wait({ origin, n }, ack, timeout, settled);
  }

  /** Asks all linked pods who follows there, and calls back when all have answered, or time is up. @returns gives up. */
  presence(timeout: number, settled: (presence: Presence) => void): () => void {
    return this.#presences.ask(timeout, settled);
  }

  /** Tells the others that this pod leaves, and calls back when they have all that it holds, or time is up. Works once. */
  drain(timeout: number, finished: (result: DrainResult) => void): void {
    if (this.#drain !== undefined || this.#closed) return;
    this.#become('draining');
    this.#flush();
    const host = {
      log: this.log,
      links: () => this.#links.values(),
      allTried: () => this.#dialer.allTried,
      holdsBack: () => this.#inbox.size > 0,
    };
    this.#drain = new Drain(host, timeout, finished);
    this.#drain.check();
  }

  /** Ends all links and timers. */
  close(reason = 'the pod ends'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#untap();
    this.#dialer.close();
    this.#repair.close();
    this.#join.close();
    this.#drain?.close();
    this.#haveAlarm.cancel();
    this.#presences.close();
    this.#acknowledgements.close(new ConnectionLostError('the pod ends'));
    for (const link of [...this.#links.values(), ...this.#pending.keys()]) link.close(reason);
  }

  // What links ask and tell.

  get newest(): number {
    return this.#own.newest;
  }

  batchAfter(n: number): Batch | undefined {
    return this.#own.batchAfter(n);
  }

  hello(link: Link): Hello {
    return {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      origin: this.log.origin,
      name: this.name,
      state: this.#state,
      history: this.log.settings.history,
      capabilities: [PRESENCE],
      have: this.#positions(),
      dial: link.dialNumber,
    };
  }

  otherVersion(link: Link): void {
    const address = this.#pending.get(link);
    this.#pending.delete(link);
    if (address !== undefined) this.#dialer.refused(address);
  }

  greeted(link: Link): void {
    const address = this.#pending.get(link);
    this.#pending.delete(link);
    const { peer } = link;
    if (peer === undefined) return;
    if (address !== undefined) this.#dialer.met(address, peer.origin, peer.origin === this.log.origin);
    if (peer.origin === this.log.origin) return link.close('this is the pod itself');
    this.#checkHistory(link, address);
    this.#checkClaim(peer.have);
    const other = this.#links.get(peer.origin);
    if (other?.peer !== undefined && other.peer.name !== peer.name) {
      throw new ProtocolError(`${peer.name} says that it is the run of ${other.peer.name}`, { initiator: 'remote' });
    }
    this.log.meet(peer.origin);
    if (other !== undefined && survivor(link, other, this.log.origin) === other)
      return link.close('there is a link already');
    this.#links.set(peer.origin, link);
    // Only now: while they end, nobody shall take this pod for one without a link.
    other?.close('there is another link');
    if (this.#names.met(peer.origin, peer.name)) this.#options.events?.sharedName?.(peer.name);
    for (const older of this.#links.values()) {
      if (older.peer?.name !== peer.name || older === link) continue;
      // A newer run of a pod replaces an older one: nobody else has its name.
      if (this.#names.replaces(older.origin, peer.name)) older.close('a newer run has come');
    }
    this.#told.add(link);
    this.#options.events?.linked?.(link);
    // Before anything else is told.
    this.#laggards.met(link);
    // A pod that joins copies first, and says when it wants what comes behind.
    if (link.peerState !== 'joining') link.sender.start(link.peerHas.get(this.log.origin) ?? 0);
    // The other side waits for a first word on what this pod has, if the hello said that it joins.
    const saidToJoin = link.toldState === 'joining';
    // It may have changed since the hello; and who leaves must know that the other side knows.
    if (link.toldState !== this.#state || this.#state === 'draining') link.tellState(this.#state);
    if (saidToJoin && (this.#state !== 'joining' || this.#join.hasCopy)) link.tellHave(this.#positions());
    this.#join.met(link);
    this.#look();
  }

  heard(link: Link, message: LogMessage): void {
    const { origin } = link;
    if (message.kind === 'skip') {
      link.skippedThrough = Math.max(link.skippedThrough, message.n);
      link.raise([[origin, message.n]]);
      this.#moved(origin);
    } else {
      const moved = this.#inbox.take(origin, message.events);
      link.raise([[origin, message.events.at(-1)?.n ?? 0]]);
      this.#moved(origin);
      // The usual case: the next events came, nothing is lacking, and nobody waits for anything.
      if (moved && this.#state === 'ready' && this.#repair.size === 0 && this.#inbox.size === 0) return;
    }
    this.#look();
  }

  have(link: Link, positions: Positions): void {
    this.#checkClaim(positions);
    // However quiet it is, the log must not forget how far it has come.
    this.log.meet(link.origin);
    // The first word of a joined pod of what it has.
    const own = positions.find(([origin]) => origin === this.log.origin);
    if (!link.sender.started && own !== undefined) link.sender.start(own[1]);
    // The usual case: it has nothing that is lacking here, and nobody waits for what it has but publishers.
    const lacking = positions.some(([origin, n]) => n > this.log.haveOf(origin));
    const settled = this.#state === 'ready' && this.#repair.size === 0 && this.#inbox.size === 0;
    if (!lacking && settled) return this.#acknowledgements.check();
    this.#look();
  }

  acked(link: Link, n: number): void {
    link.raise([[this.log.origin, Math.min(n, link.sender.sent)]]);
    this.#acknowledgements.check();
    this.#drain?.check();
  }

  stateChanged(): void {
    this.#look();
  }

  missed(link: Link, positions: Positions): void {
    this.#laggards.missed(link, positions);
  }

  fetch(link: Link, message: FetchMessage): void {
    switch (message.kind) {
      case 'fetch':
        return this.#answers.ask(link, message);
      case 'found':
        return this.#repair.found(link, message);
      case 'copy':
        return this.#copies.begin(link, message.id);
      case 'part':
        this.#join.part(link, message);
        return this.#look();
      case 'who':
        return this.#presences.who(link, message.id);
      case 'here':
        return this.#presences.here(link, message);
    }
  }

  fetchRoom(link: Link): void {
    this.#answers.pump(link);
    this.#copies.pump(link);
    this.#presences.pump(link);
  }

  closed(link: Link, error: Error | undefined): void {
    const address = this.#pending.get(link);
    if (this.#pending.delete(link) && address !== undefined) this.#dialer.fruitless(address);
    this.#copies.drop(link);
    this.#answers.drop(link);
    this.#presences.drop(link);
    this.#toAck.delete(link);
    if (link.peer !== undefined && this.#links.get(link.origin) === link) this.#links.delete(link.origin);
    if (this.#told.has(link)) this.#laggards.left(link);
    if (this.#told.delete(link)) this.#options.events?.unlinked?.(link, error);
    else if (error !== undefined && !(error instanceof ConnectionLostError))
      this.#options.events?.refused?.(link, error);
    if (!this.#closed) this.#look();
  }

  #begin(transport: LinkTransport, address: Address | undefined): void {
    const link = new Link(transport, this, transport.dialled ? this.#dials++ : 0);
    this.#pending.set(link, address);
    link.start();
  }

  #isLinked(origin: string | undefined, name: string | undefined): boolean {
    if (origin !== undefined && this.#links.has(origin)) return true;
    if (name === undefined) return false;
    for (const { peer } of this.#links.values()) if (peer?.name === name) return true;
    return false;
  }

  /** Pods that keep different histories would promise clients different things. */
  #checkHistory({ peer }: Link, address: Address | undefined): void {
    const own = this.log.settings.history;
    const its = peer?.history;
    if (its?.events === own.events && its.bytes === own.bytes && its.age === own.age) return;
    if (address !== undefined) this.#dialer.refused(address);
    throw new ProtocolError(
      `the pods keep different histories: ${describeHistory(own)} here, ${its === undefined ? 'none' : describeHistory(its)} there`,
      { initiator: 'remote' },
    );
  }

  /** Nobody has more of this run's events than there are. */
  #checkClaim(positions: Positions): void {
    const { log } = this;
    const claim = positions.find(([origin]) => origin === log.origin);
    if (claim === undefined || claim[1] <= log.haveOf(log.origin)) return;
    throw new ProtocolError('the peer has events that were never published', { initiator: 'remote' });
  }

  /**
   * What is told to others: not how far long gone runs had got, of which nothing is held. Logs forget some of these, each
   * others, and would take them for lost again and again.
   */
  #positions(): Positions {
    const before = this.clock.now() - TOLD_FOR;
    for (const [origin, at] of this.#movedAt) {
      if (at >= before && this.#movedAt.size <= MAX_TOLD) break;
      this.#movedAt.delete(origin);
    }
    return [...this.log.have()].filter(
      ([origin]) =>
        origin === this.log.origin ||
        this.#links.has(origin) ||
        this.#movedAt.has(origin) ||
        holdsAny(this.log, origin),
    );
  }

  #become(state: PodState): void {
    if (this.#state === state || (this.#state === 'draining' && state === 'ready')) return;
    this.#state = state;
    for (const link of this.#links.values()) link.tellState(state);
    this.#options.events?.state?.(state);
  }

  /** What others have sent is there, and this pod may be sent what comes behind. */
  #copied(): void {
    for (const link of this.#links.values()) link.tellHave(this.#positions());
  }

  /** Links, vectors or states have changed. */
  #look(): void {
    if (this.#closed) return;
    this.#dialer.check();
    // Before the copy is there, nothing is lacking: it will bring most.
    if (this.#state !== 'joining' || this.#join.hasCopy) this.#repair.check();
    this.#join.check();
    this.#acknowledgements.check();
    this.#drain?.check();
  }

  /** More is known of which peers can be reached. */
  #tried(): void {
    this.#join.check();
    this.#acknowledgements.check();
    this.#drain?.check();
  }

  /** The log has got on with another origin. */
  #moved(origin: string): void {
    // What comes on and on must not put off the telling.
    if (this.#untold.size === 0) this.#haveAlarm.set(Math.min(this.#wholeHaveAt, this.clock.now() + this.#haveDelay()));
    this.#untold.add(origin);
    // Behind all others, so that the oldest come first.
    this.#movedAt.delete(origin);
    this.#movedAt.set(origin, this.clock.now());
    const link = this.#links.get(origin);
    if (link !== undefined) this.#toAck.add(link);
    this.#schedule();
    this.#join.check();
  }

  /** All tell all: it takes longer with many, or the tellings would be what a mesh of fifty pods is busy with. */
  #haveDelay(): number {
    return this.times.haveDelay * Math.max(1, this.#links.size / SOON_TOLD);
  }

  #haveWait(): number {
    return this.times.havePeriod * (0.75 + this.#options.random() / 2);
  }

  #tellHave(): void {
    const now = this.clock.now();
    const whole = now >= this.#wholeHaveAt;
    if (whole) {
      this.#wholeHaveAt = now + this.#haveWait();
      this.#laggards.check();
    }
    this.#haveAlarm.set(this.#wholeHaveAt);
    const positions = whole
      ? this.#positions()
      : [...this.#untold].map((origin) => [origin, this.log.haveOf(origin)] as const);
    this.#untold.clear();
    // A joining pod is quiet until it has its copy: its first word is where it wants to be sent from.
    if (this.#state === 'joining' && !this.#join.hasCopy) return;
    for (const link of this.#links.values()) link.tellHave(positions, whole);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#options.schedule(() => this.#flush());
  }

  /** Sends what was published in this tick, and acknowledges what came. */
  #flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    for (const link of this.#toAck) link.ack(this.log.haveOf(link.origin));
    this.#toAck.clear();
    for (const link of this.#links.values()) link.sender.pump();
  }
}

/** Neither a link that is silent nor what is lost must let a pod fall behind by more than cursors bear: see {@link Laggards}. */
function withinAge(times: NodeTimes, age: number): NodeTimes {
  return {
    ...times,
    pingPeriod: Math.min(times.pingPeriod, age / 8),
    pingTimeout: Math.min(times.pingTimeout, age / 8),
    lossTimeout: Math.min(times.lossTimeout, age / 2),
  };
}

function describeHistory({ events, bytes, age }: { events: number; bytes: number; age: number }): string {
  return `${events} events, ${bytes} bytes and ${age} ms`;
}
