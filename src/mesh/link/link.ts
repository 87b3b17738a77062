import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { ConnectionLostError, ProtocolError, TimeoutError } from '../../errors/index.js';
import { decodeMessage, encodeMessage, MAX_HELLO_BYTES, MAX_MESSAGE_BYTES } from '../protocol/codec.js';
import {
  PROTOCOL_VERSION,
  type ControlMessage,
  type FetchMessage,
  type Hello,
  type Lane,
  type LogMessage,
  type PodState,
  type Positions,
} from '../protocol/messages.js';
import { LogSender, type Outgoing } from './log-sender.js';
import type { LinkTransport } from './transport.js';

/** Origins that one peer may tell of over the life of a link: a pod remembers 4,096, and forgets some for others. */
const MAX_PEER_ORIGINS = 16_384;

/** Periods of a link, in milliseconds. */
export interface LinkTimes {
  /** For the hello of the other side. */
  readonly helloTimeout: number;
  /** Between pings. */
  readonly pingPeriod: number;
  /** Without any message, after a ping, until the link counts as lost. */
  readonly pingTimeout: number;
}

/** What a link needs of its pod. */
export interface LinkHost extends Outgoing {
  readonly clock: Clock;
  readonly times: LinkTimes;
  /** What this side says first. */
  hello(link: Link): Hello;
  /** The other side speaks another version: the link is about to fail. */
  otherVersion(link: Link): void;
  /** The hello of the other side has come. Throwing refuses the link. */
  greeted(link: Link): void;
  /** Own events of the other side. */
  heard(link: Link, message: LogMessage): void;
  /** What the other side has got. */
  have(link: Link, positions: Positions): void;
  /** The other side has acknowledged own events through `n`. */
  acked(link: Link, n: number): void;
  stateChanged(link: Link): void;
  /** Clients may come that lack what has left the history. */
  missed(link: Link, positions: Positions): void;
  fetch(link: Link, message: FetchMessage): void;
  /** There is room on the fetch lane again. */
  fetchRoom(link: Link): void;
  /** Called once, whatever ended the link. */
  closed(link: Link, error: Error | undefined): void;
}

/** A link to one other pod: the hello, keepalive, and the lanes. What travels on them is the pod's business. */
export class Link {
  readonly transport: LinkTransport;
  readonly sender: LogSender;
  /** How many links this side had dialled before. */
  readonly dialNumber: number;
  /** Through which number the other side's own events have left its history, as far as they were not sent. */
  skippedThrough = 0;
  /** What the other side said first; `undefined` until then. */
  peer: Hello | undefined;
  peerState: PodState = 'joining';
  /** The state of this pod that was told last, and whether the other side has certainly heard of it. */
  toldState: PodState = 'joining';
  toldStateHeard = false;
  /** Up to where the other side has got each origin, as far as it has told. */
  readonly peerHas: Map<string, number> = new Map();
  /** Milliseconds of the last ping's round trip. */
  roundTrip: number | undefined;
  closedWith: { readonly error: Error | undefined } | undefined;
  /** When it was opened, by the clock. */
  readonly since: number;
  /** Own events of the other side that came, those that were there already included. */
  received = 0;
  bytesSent = 0;
  bytesReceived = 0;
  readonly #host: LinkHost;
  readonly #alarm: Alarm;
  readonly #full = new Set<Lane>();
  /** What waits for room on the control lane: the newest of each, and no more. */
  readonly #unsaid = new Map<'have' | 'ack' | 'pong', ControlMessage>();
  #heard: number;
  #pingSent: number | undefined;
  #pingId = 0;
  /** The ping that was sent behind the state. */
  #statePing = Infinity;

  constructor(transport: LinkTransport, host: LinkHost, dialNumber = 0) {
    this.transport = transport;
    this.dialNumber = dialNumber;
    this.#host = host;
    this.#heard = host.clock.now();
    this.since = this.#heard;
    this.#alarm = new Alarm(host.clock, () => this.#onAlarm());
    this.sender = new LogSender(host, (bytes) => this.#put('log', bytes));
  }

  /** The run of the other pod. Only after its hello. */
  get origin(): string {
    return this.peer?.origin ?? '';
  }

  /** Whether the hellos went both ways and it is not over. */
  get established(): boolean {
    return this.peer !== undefined && this.closedWith === undefined;
  }

  /** Notes how far the other side has got. @throws ProtocolError for more origins than a pod may know. */
  raise(positions: Positions): void {
    for (const [origin, n] of positions) if (n > (this.peerHas.get(origin) ?? -1)) this.peerHas.set(origin, n);
    if (this.peerHas.size > MAX_PEER_ORIGINS) {
      throw new ProtocolError('the peer tells of too many origins', { initiator: 'remote' });
    }
  }

  /** Says hello. */
  start(): void {
    this.transport.listen({
      message: (lane, bytes) => this.#guard(() => this.#message(lane, bytes)),
      room: (lane) => this.#room(lane),
      closed: (error) => this.#finish(error ?? new ConnectionLostError('the other pod ended the link')),
    });
    this.#alarm.set(this.#host.clock.now() + this.#host.times.helloTimeout);
    const hello = this.#host.hello(this);
    this.toldState = hello.state;
    this.#put('control', encodeMessage(hello));
  }

  /**
   * Tells what this pod has. Where there is no room, the newest word waits and replaces what waited.
   *
   * @param whole Whether it is about all origins; of some alone nothing is said where there is no room.
   */
  tellHave(have: Positions, whole = true): void {
    const message: ControlMessage = { kind: 'have', have };
    if (whole || !this.#full.has('control')) this.#say('have', message);
  }

  /** Tells the state of this pod, and finds out when the other side has heard of it. */
  tellState(state: PodState): void {
    if (!this.established) return;
    this.toldState = state;
    this.toldStateHeard = false;
    this.#put('control', encodeMessage({ kind: 'state', state }));
    this.#statePing = this.#ping();
  }

  /** Tells of a pod that lacked events which have left the history: before anything that it published since. */
  tellMissed(missed: Positions): void {
    if (this.established && missed.length > 0) this.#put('control', encodeMessage({ kind: 'missed', missed }));
  }

  /** Acknowledges the other side's own events. */
  ack(n: number): void {
    this.#say('ack', { kind: 'ack', n });
  }

  /** @returns whether the lane has room for more. */
  sendFetch(message: FetchMessage): boolean {
    return this.established && this.#put('fetch', encodeMessage(message));
  }

  get fetchHasRoom(): boolean {
    return !this.#full.has('fetch');
  }

  /** Ends the link and says why. */
  close(reason: string): void {
    if (this.closedWith !== undefined) return;
    if (this.peer !== undefined) this.#put('control', encodeMessage({ kind: 'bye', reason }));
    this.transport.close();
    this.#finish(undefined);
  }

  /** Ends the link for a fault. */
  fail(error: Error): void {
    if (this.closedWith !== undefined) return;
    this.transport.close();
    this.#finish(error);
  }

  #put(lane: Lane, bytes: Uint8Array): boolean {
    if (this.closedWith !== undefined) return false;
    this.bytesSent += bytes.length;
    const room = this.transport.send(lane, bytes);
    if (!room) this.#full.add(lane);
    return room;
  }

  /** Says something of which only the newest word matters, once there is room for it. */
  #say(kind: 'have' | 'ack' | 'pong', message: ControlMessage): void {
    if (!this.established) return;
    if (this.#full.has('control')) this.#unsaid.set(kind, message);
    else this.#put('control', encodeMessage(message));
  }

  #room(lane: Lane): void {
    this.#full.delete(lane);
    if (this.closedWith !== undefined) return;
    if (lane === 'control') {
      for (const [kind, message] of this.#unsaid) {
        this.#unsaid.delete(kind);
        if (!this.#put('control', encodeMessage(message))) return;
      }
    }
    if (lane === 'log') this.sender.room();
    if (lane === 'fetch') this.#host.fetchRoom(this);
  }

  #guard(act: () => void): void {
    if (this.closedWith !== undefined) return;
    try {
      act();
    } catch (error) {
      this.fail(error instanceof Error ? error : new ProtocolError(String(error), { initiator: 'remote' }));
    }
  }

  #message(lane: Lane, bytes: Uint8Array): void {
    this.#checkFresh();
    this.bytesReceived += bytes.length;
    if (this.peer === undefined) return this.#greet(lane, bytes);
    if (bytes.length > MAX_MESSAGE_BYTES) throw new ProtocolError('a message is too long', { initiator: 'remote' });
    if (lane === 'log') {
      const message = decodeMessage('log', bytes);
      if (message?.kind === 'events') this.received += message.events.length;
      if (message !== undefined) this.#host.heard(this, message);
    } else if (lane === 'fetch') {
      const message = decodeMessage('fetch', bytes);
      if (message !== undefined) this.#host.fetch(this, message);
    } else this.#control(bytes);
  }

  /**
   * What waited while this process stood still has grown older than it says, and would be kept for longer than cursors bear.
   * The link would have ended meanwhile; on the next one all comes again, with its true age.
   */
  #checkFresh(): void {
    const { clock, times } = this.#host;
    const silence = clock.now() - this.#heard;
    this.#heard += silence;
    const longest = times.pingPeriod + times.pingTimeout;
    if (this.peer !== undefined && silence > longest) throw new TimeoutError('nothing was read of the link', longest);
  }

  #greet(lane: Lane, bytes: Uint8Array): void {
    if (bytes.length > MAX_HELLO_BYTES) throw new ProtocolError('the hello is too long', { initiator: 'remote' });
    const hello = lane === 'control' ? decodeMessage('control', bytes) : undefined;
    if (hello?.kind !== 'hello') throw new ProtocolError('the peer did not say hello', { initiator: 'remote' });
    if (hello.version !== PROTOCOL_VERSION) {
      this.#host.otherVersion(this);
      throw new ProtocolError(`the peer speaks version ${hello.version}, this pod ${PROTOCOL_VERSION}`, {
        initiator: 'remote',
      });
    }
    this.peer = hello;
    this.peerState = hello.state;
    this.raise(hello.have);
    this.#alarm.set(this.#heard + this.#host.times.pingPeriod);
    this.#host.greeted(this);
  }

  #control(bytes: Uint8Array): void {
    const message = decodeMessage('control', bytes);
    switch (message?.kind) {
      case undefined:
        return;
      case 'hello':
        throw new ProtocolError('the peer said hello twice', { initiator: 'remote' });
      case 'have':
        this.raise(message.have);
        return this.#host.have(this, message.have);
      case 'ack':
        this.sender.acked(message.n);
        return this.#host.acked(this, message.n);
      case 'state':
        this.peerState = message.state;
        return this.#host.stateChanged(this);
      case 'missed':
        return this.#host.missed(this, message.missed);
      case 'ping':
        return this.#say('pong', { kind: 'pong', id: message.id });
      case 'pong':
        if (message.id === this.#pingId && this.#pingSent !== undefined) {
          this.roundTrip = this.#heard - this.#pingSent;
          this.#pingSent = undefined;
        }
        if (message.id >= this.#statePing && message.id <= this.#pingId && !this.toldStateHeard) {
          this.toldStateHeard = true;
          this.#host.stateChanged(this);
        }
        return;
      case 'bye':
        this.transport.close();
        return this.#finish(undefined);
    }
  }

  #ping(): number {
    this.#pingSent ??= this.#host.clock.now();
    this.#pingId += 1;
    this.#put('control', encodeMessage({ kind: 'ping', id: this.#pingId }));
    return this.#pingId;
  }

  #onAlarm(): void {
    const { clock, times } = this.#host;
    const now = clock.now();
    if (this.peer === undefined) {
      return this.fail(new TimeoutError('the other pod did not say hello', times.helloTimeout));
    }
    // Sums, and no differences: of fractions these may be a little less, and another period would pass.
    const due = this.#pingSent === undefined ? Infinity : Math.max(this.#heard, this.#pingSent) + times.pingTimeout;
    if (now >= due) return this.fail(new TimeoutError('the other pod does not answer', times.pingTimeout));
    if (this.#pingSent === undefined) this.#ping();
    this.#alarm.set(Math.min(due, now + Math.min(times.pingPeriod, times.pingTimeout)));
  }

  #finish(error: Error | undefined): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = { error };
    this.#alarm.cancel();
    this.#host.closed(this, error);
  }
}
