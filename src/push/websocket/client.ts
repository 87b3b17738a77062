import type { IncomingMessage } from 'node:http';
import { CLOSE, PING_FRAME, textFrame, type MessageSocket } from '../../carrier/websocket/index.js';
import type { MessageSocketEvents } from '../../carrier/websocket/index.js';
import { Alarm } from '../../clock/alarm.js';
import type { Sweep } from '../../clock/sweep.js';
import { Budget } from '../../limits/budget.js';
import type { EndReason } from '../log/types.js';
import { readClientMessage, type ServerMessage, type SubscribeMessage } from './messages.js';
import type { WebSocketSettings } from './options.js';
import type { Subscription, SubscriptionOwner } from './subscription.js';

/** Bytes that may wait for the kernel, past which nothing is taken from the log. */
const PENDING = 64 * 1024;

/** Messages of a client that may wait for the one before, and characters in them. */
const MOST_WAITING = 256;
const MOST_CHARACTERS = 64 * 1024;
/** Slices that one client is given before the others have their turn. */
const SLICES_PER_TURN = 16;

/** What a client needs of those who serve it. */
export interface WebSocketHost {
  readonly settings: WebSocketSettings;
  readonly keepAlive: Sweep<WebSocketClient> | undefined;
  /** Makes a subscription and gives it to the client, or tells it why not. Never throws. */
  subscribe(client: WebSocketClient, message: SubscribeMessage): Promise<void> | void;
  left(client: WebSocketClient): void;
}

/** One socket with its subscriptions. It pulls while there is room, and holds nothing of its own. */
export class WebSocketClient implements MessageSocketEvents, SubscriptionOwner {
  /** What it came with, kept for those who are asked again. */
  readonly req: IncomingMessage | undefined;
  /** Who it is, for the list of subscribers. */
  readonly peer: string | undefined;
  readonly #host: WebSocketHost;
  readonly #socket: MessageSocket;
  readonly #budget: Budget;
  readonly #subscriptions = new Map<string | undefined, Subscription>();
  /** Those that may have something to send, the one that waited longest first. */
  readonly #ready = new Set<Subscription>();
  #stall: Alarm | undefined;
  #first: Alarm | undefined;
  /** Whether the streams were given by the request, and there is nothing to be subscribed to. */
  readonly #fixed: boolean;
  /** Messages that wait for the one before. */
  readonly #waiting: string[] = [];
  #waitingCharacters = 0;
  #busy = false;
  /** Bytes that waited when it was last looked whether the client takes any. */
  #pending = 0;
  #heard = true;
  #over = false;

  constructor(host: WebSocketHost, socket: MessageSocket, req: IncomingMessage, peer: string | undefined) {
    const { authorize, clock, messageBurst, messagesPerSecond, stream } = host.settings;
    this.#host = host;
    this.#socket = socket;
    this.#fixed = stream !== undefined;
    // A request is large; thousands of them are, too.
    this.req = authorize === undefined || this.#fixed ? undefined : req;
    this.peer = peer;
    this.#budget = new Budget(messageBurst, messagesPerSecond, clock.now());
    host.keepAlive?.add(this);
  }

  /** Gives the client its time to subscribe to something. */
  expectSubscription(): void {
    const { clock, subscribeTimeout } = this.#host.settings;
    this.#first = new Alarm(clock, () => this.close(CLOSE.policyViolation, 'no subscription', 'timeout'));
    this.#first.set(clock.now() + subscribeTimeout);
  }

  get subscriptions(): ReadonlyMap<string | undefined, Subscription> {
    return this.#subscriptions;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Begins to serve a subscription. */
  add(subscription: Subscription): void {
    const { id, streams, follower } = subscription;
    subscription.owner = this;
    this.#first?.cancel();
    this.#first = undefined;
    this.#subscriptions.set(id, subscription);
    this.#send({ id, type: 'subscribed', streams, cursor: follower.cursor });
    this.ready(subscription);
  }

  /** Tells the client that something it asked for is not to be had. */
  refuse(id: string | undefined, code: `ERR_${string}`, message: string): void {
    this.#send({ id, type: 'error', code, message });
  }

  /** A subscription may have something to send. */
  ready(subscription: Subscription): void {
    this.#ready.add(subscription);
    this.#pump();
  }

  /** The log ended a subscription. */
  ended(subscription: Subscription, reason: EndReason): void {
    if (this.#over) return;
    const { id } = subscription;
    this.#forget(subscription);
    if (reason === 'closed') return this.close(CLOSE.goingAway, 'the server is shutting down', 'closed');
    const { cursor } = subscription.follower;
    this.#send({ id, type: 'unsubscribed', reason: 'overtaken', cursor });
    if (this.#fixed) this.close(CLOSE.policyViolation, 'overtaken', 'overtaken');
  }

  message(text: string | undefined): void {
    if (!this.#spend()) return;
    if (text === undefined) return this.#dismiss(CLOSE.unsupportedData, 'messages are JSON text');
    this.#waitingCharacters += text.length;
    if (this.#waiting.length >= MOST_WAITING || this.#waitingCharacters > MOST_CHARACTERS) return this.#tooMany();
    this.#waiting.push(text);
    void this.#work();
  }

  control(): void {
    this.#spend();
  }

  drained(): void {
    this.#pending = 0;
    this.#stall?.set(undefined);
    this.#pump();
  }

  violated(): void {
    this.#leave('protocol');
  }

  closed(): void {
    this.#leave('left');
    this.#stall?.cancel();
  }

  /** Closes the socket behind what was written. */
  close(code: number, reason: string, why: EndReason): void {
    if (this.#over) return;
    this.#leave(why);
    this.#socket.close(code, reason);
  }

  /** Pings, and cuts off a client that has not been heard since the last time. */
  sweep(): void {
    // Who takes nothing gets no ping, and is watched otherwise.
    if (this.#socket.pending > 0) this.#heard = true;
    else if (!this.#heard) this.#cutOff('timeout');
    else {
      this.#heard = false;
      this.#socket.write(PING_FRAME);
    }
  }

  /**
   * One message after the other, as `authorize` may take its time. Reading goes on meanwhile: otherwise nobody would notice
   * that the client has gone.
   */
  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      this.#waitingCharacters -= text.length;
      const message = readClientMessage(text);
      if ('problem' in message) this.#misbehaved('ERR_BAD_MESSAGE', message.problem);
      else if (message.type === 'credit') this.#grant(message.id, message.items);
      else if (message.type === 'unsubscribe') this.#unsubscribe(message.id);
      else await this.#host.subscribe(this, message);
    }
    this.#busy = false;
  }

  #grant(id: string | undefined, items: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return this.refuse(id, 'ERR_NO_SUBSCRIPTION', 'there is no such subscription');
    if (!subscription.counts) return this.refuse(id, 'ERR_NO_CREDIT', 'the subscription was made without credit');
    subscription.grant(items);
    this.ready(subscription);
  }

  #unsubscribe(id: string | undefined): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return this.refuse(id, 'ERR_NO_SUBSCRIPTION', 'there is no such subscription');
    this.#forget(subscription);
    const { cursor } = subscription.follower;
    subscription.follower.end('left');
    this.#send({ id, type: 'unsubscribed', reason: 'left', cursor });
  }

  #misbehaved(code: `ERR_${string}`, message: string): void {
    this.#send({ type: 'error', code, message });
    this.#dismiss(CLOSE.policyViolation, message);
  }

  #dismiss(code: number, reason: string): void {
    this.#leave('protocol');
    this.#socket.dismiss(code, reason);
  }

  #spend(): boolean {
    if (this.#over) return false;
    this.#heard = true;
    if (this.#budget.spend(this.#host.settings.clock.now())) return true;
    this.#tooMany();
    return false;
  }

  #tooMany(): void {
    this.#misbehaved('ERR_TOO_MANY_MESSAGES', 'too many messages');
  }

  #pump(): void {
    for (let slices = 0; !this.#over && this.#socket.pending < PENDING; slices++) {
      // A client as fast as the log is long must not keep the others waiting.
      if (slices === SLICES_PER_TURN) return void setImmediate(() => this.#pump());
      const [subscription] = this.#ready;
      if (subscription === undefined) return;
      this.#ready.delete(subscription);
      const bytes = subscription.pull();
      if (bytes === undefined) continue;
      this.#ready.add(subscription);
      this.#write(bytes);
    }
  }

  #send(message: ServerMessage): void {
    if (!this.#over) this.#write(textFrame(JSON.stringify(message)));
  }

  #write(bytes: Buffer): void {
    this.#socket.write(bytes);
    if (this.#pending === 0 && this.#socket.pending > 0) this.#watch();
  }

  #watch(): void {
    const { clock, writeTimeout } = this.#host.settings;
    this.#pending = this.#socket.pending;
    this.#stall ??= new Alarm(clock, () => this.#lookForProgress());
    this.#stall.set(this.#pending > 0 ? clock.now() + writeTimeout : undefined);
  }

  #lookForProgress(): void {
    const { pending } = this.#socket;
    if (pending === 0 || pending < this.#pending) return this.#watch();
    this.#cutOff('stalled');
  }

  #cutOff(reason: EndReason): void {
    this.#leave(reason);
    this.#socket.terminate();
  }

  #forget(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.id);
    this.#ready.delete(subscription);
  }

  /** Lets go of everything but the socket. */
  #leave(reason: EndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#first?.cancel();
    this.#waiting.length = 0;
    this.#host.keepAlive?.delete(this);
    for (const { follower } of this.#subscriptions.values()) follower.end(reason);
    this.#subscriptions.clear();
    this.#ready.clear();
    this.#host.left(this);
  }
}
