import assert from 'node:assert/strict';
import type { Clock } from '../../src/clock/clock.js';
import type { DrainResult } from '../../src/mesh/node/drain.js';
import { MeshNode, type NodeTimes } from '../../src/mesh/node/mesh-node.js';
import { EventLog, type History } from '../../src/push/index.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import type { LinkTransport } from '../../src/mesh/link/transport.js';
import { SimClient } from './client.js';
import { checkAck, checkDrain, checkLoss, checkReady } from './invariants.js';
import { Network } from './network.js';
import { SkewedClock } from './skewed-clock.js';
import { OtherVersion, type Version } from './versions.js';

/** Periods as a pod has them, of which the simulation needs no others. */
export const TIMES: NodeTimes = {
  helloTimeout: 5_000,
  pingPeriod: 5_000,
  pingTimeout: 5_000,
  spread: 50,
  retry: 100,
  maxRetry: 5_000,
  directDelay: 300,
  answerTimeout: 2_000,
  lossTimeout: 30_000,
  partTimeout: 5_000,
  aloneAfter: 2_000,
  havePeriod: 5_000,
  haveDelay: 50,
};

/** One pod: its log, and its place in the mesh. */
export interface Pod {
  readonly name: string;
  readonly log: EventLog;
  readonly node: MeshNode;
  readonly startedAt: number;
}

/** An event, and who was said to have it. */
export interface Published {
  readonly origin: string;
  readonly n: number;
  readonly stream: string;
  readonly at: number;
  acks: number | undefined;
  failure: Error | undefined;
}

/** What differs from the usual in a world. */
export interface WorldOptions {
  readonly history?: Partial<History>;
  /** Longest time in milliseconds until a pod learns of another's coming or going. Default 0: at once. */
  readonly discovery?: number;
  /** Pods have clocks of their own, which began within an hour of one another and go a thousandth faster or slower. */
  readonly skew?: boolean;
  /** Pods are of this version, the one before and the one after. */
  readonly versions?: boolean;
  /** Pods that leave are told of to nobody, as sources of peers do it that leave out what is about to end. */
  readonly hidesLeaving?: boolean;
}

/** A mesh on a virtual clock and network, with clients; one seed makes all of it. */
export class MeshWorld {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: () => number;
  readonly network: Network;
  readonly pods: Pod[] = [];
  readonly clients: SimClient[] = [];
  readonly published: Published[] = [];
  readonly drains: DrainResult[] = [];
  readonly losses: {
    readonly pod: string;
    readonly origin: string;
    readonly after: number;
    readonly through: number;
  }[] = [];
  readonly #options: WorldOptions;
  /** Events that were held only by pods that are gone. */
  readonly #gone = new Set<string>();
  readonly #deaths: number[] = [];
  #names = 0;
  /** Whether discovery has stopped. */
  blind = false;

  constructor(seed: number, options: WorldOptions = {}) {
    this.random = seededRandom(seed);
    this.network = new Network(this.clock, this.random);
    this.#options = options;
  }

  /** Starts a pod; the others learn of it. */
  addPod(name = `pod-${this.#names++}`, history: Partial<History> = {}, version: Version = this.#version()): Pod {
    const clock = this.#ownClock();
    const dial = this.network.dialer(name);
    const as = (transport: LinkTransport): LinkTransport =>
      version === 'same' ? transport : new OtherVersion(transport, version);
    const log = new EventLog({
      clock,
      random: this.random,
      history: { ...this.#options.history, ...history },
      schedule: (flush) => void this.clock.setTimeout(flush, 0),
      expectsOrigin: (origin) => this.published.some((event) => event.origin === origin),
    });
    const node = new MeshNode({
      log,
      name,
      dial: (address, outcome) =>
        dial(address, { opened: (transport) => outcome.opened(as(transport)), failed: outcome.failed }),
      times: TIMES,
      random: this.random,
      schedule: (flush) => void this.clock.setTimeout(flush, 0),
      events: {
        lost: (origin, after, through) => {
          this.losses.push({ pod: name, origin, after, through });
          this.#note(() => checkLoss(this, pod, origin, after, through));
        },
        state: (state) => {
          if (state === 'ready') this.#note(() => checkReady(this, pod));
        },
      },
    });
    const pod: Pod = { name, log, node, startedAt: this.clock.now() };
    this.pods.push(pod);
    this.network.start(name, (transport) => node.accept(as(transport)));
    this.tellPeers();
    return pod;
  }

  /** Every pod is told of all, sooner or later. */
  tellPeers(): void {
    if (this.blind) return;
    const { discovery = 0 } = this.#options;
    for (const pod of this.pods) {
      if (discovery === 0) this.tellPeersOf(pod);
      else this.clock.setTimeout(() => this.tellPeersOf(pod), Math.floor(this.random() * discovery));
    }
  }

  tellPeersOf({ name, node }: Pod): void {
    const hides = this.#options.hidesLeaving === true;
    const others = this.pods.filter((other) => other.name !== name && !(hides && other.node.state === 'draining'));
    node.setPeers(others.map((other) => ({ host: other.name, port: 7000, name: other.name })));
  }

  /** SIGKILL: the pod is gone in the middle of whatever it does. */
  kill(pod: Pod): void {
    const index = this.pods.indexOf(pod);
    if (index < 0) return;
    this.pods.splice(index, 1);
    this.network.kill(pod.name);
    this.#deaths.push(this.clock.now());
    for (const client of this.clients) if (client.log === pod.log) client.leave();
    // Whatever it still does reaches nobody.
    pod.node.close();
    pod.log.close();
    for (const { origin, n } of this.published) {
      if (!this.pods.some(({ log }) => log.haveOf(origin) >= n)) this.#gone.add(`${origin}:${n}`);
    }
    this.tellPeers();
  }

  /** SIGTERM: the pod hands over and leaves. */
  drain(pod: Pod, then: (result: DrainResult) => void = () => {}): void {
    const begun = this.clock.now();
    pod.node.drain(20_000, (result) => {
      this.drains.push(result);
      if (this.clock.now() - begun > 20_500) this.network.violations.push(`${pod.name} did not leave in time`);
      this.#note(() => checkDrain(this, pod, result));
      for (const client of this.clients) if (client.log === pod.log) client.read();
      this.kill(pod);
      then(result);
    });
    if (this.#options.hidesLeaving === true) this.tellPeers();
  }

  publish(pod: Pod, stream: string, ack: 'one' | 'all' = 'one'): Published | undefined {
    if (pod.node.state !== 'ready') return undefined;
    const { origin, n } = pod.log.publish(stream, String(this.published.length));
    const event: Published = { origin, n, stream, at: this.clock.now(), acks: undefined, failure: undefined };
    this.published.push(event);
    pod.node.acknowledged(n, ack, 10_000, (result) => {
      if (!this.pods.includes(pod)) return;
      if (typeof result !== 'number') {
        event.failure = result;
        return;
      }
      event.acks = result;
      this.#note(() => checkAck(this, pod, event, result));
    });
    return event;
  }

  #ownClock(): Clock {
    if (this.#options.skew !== true) return this.clock;
    return new SkewedClock(this.clock, (this.random() - 0.5) * 7_200_000, 1 + (this.random() - 0.5) / 500);
  }

  #version(): Version {
    if (this.#options.versions !== true) return 'same';
    return this.pick(['older', 'same', 'newer'] as const);
  }

  /** Pods that have gone in the last milliseconds. */
  deathsWithin(milliseconds: number): number {
    return this.#deaths.filter((at) => at >= this.clock.now() - milliseconds).length;
  }

  /** Notes what a check finds, for the end: pods that come to harm by it would hide it. */
  #note(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.network.violations.push(`${this.clock.now()}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  addClient(streams: readonly string[]): SimClient {
    const client = new SimClient(streams, () => this.clock.now());
    this.clients.push(client);
    return client;
  }

  /** Clients without a connection come to a pod that serves. */
  reconnect(): void {
    const ready = this.pods.filter(({ node }) => node.state === 'ready');
    if (ready.length === 0) return;
    for (const client of this.clients) if (client.log === undefined) client.connect(this.pick(ready).log);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)];
    assert.ok(item !== undefined, 'there is nothing to pick from');
    return item;
  }

  /** Lets time pass, during which clients read and come back. */
  pass(milliseconds: number, step = 50): void {
    for (let left = milliseconds; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      this.reconnect();
      for (const client of this.clients) client.read();
    }
  }

  /** All faults end, and everything gets where it belongs. */
  settle(): void {
    this.network.heal();
    this.blind = false;
    this.tellPeers();
    this.pass(90_000, 250);
  }

  /** What must hold once all is settled. */
  check(): void {
    assert.deepEqual(this.network.violations, []);
    this.#checkLinks();
    this.#checkLogs();
    this.#checkAcks();
    for (const client of this.clients) this.#checkClient(client);
  }

  /** Ends every pod. Nothing may be left that would still happen. */
  end(): void {
    for (const client of this.clients) client.leave();
    for (const { node, log } of this.pods) {
      node.close();
      log.close();
    }
    this.clock.advance(60_000);
    assert.equal(this.clock.pending, this.network.inFlight, 'no timer of a pod is left');
  }

  #checkLinks(): void {
    const pairs: string[] = [];
    for (const { name, node, log } of this.pods) {
      assert.equal(node.state, 'ready', `${name} is ready`);
      const linked = [...node.links.keys()].toSorted();
      const others = this.pods.filter((other) => other.log !== log);
      assert.deepEqual(linked, others.map((other) => other.log.origin).toSorted(), `${name} is linked to every other`);
      assert.deepEqual(node.waiting, { repairs: 0, heldBack: 0, publishers: 0, hellos: 0 }, `${name} is at rest`);
      for (const other of others) if (name < other.name) pairs.push(`${name} ${other.name}`);
    }
    assert.deepEqual(this.network.open().toSorted(), pairs.toSorted(), 'there is one connection for each pair');
    // A pod has a few timers, a link one, and each dialled peer none while it is linked.
    const most = this.pods.length * (12 + 2 * this.pods.length);
    const timers = this.clock.pending - this.network.inFlight;
    assert.ok(timers <= most, `${timers} timers`);
  }

  #checkLogs(): void {
    const alive = new Set(this.pods.map(({ log }) => log.origin));
    for (const { origin, n } of this.published) {
      if (!alive.has(origin)) continue;
      for (const { name, log } of this.pods) assert.ok(log.haveOf(origin) >= n, `${name} has ${origin}:${n}`);
    }
    const origins = new Set(this.pods.flatMap(({ log }) => [...log.have().keys()]));
    const [first] = this.pods;
    for (const { name, log } of this.pods) {
      for (const origin of origins) {
        const have = first?.log.haveOf(origin);
        assert.equal(log.haveOf(origin), have, `${name} and ${first?.name} are at the same place with ${origin}`);
      }
    }
    // Within the history, and without a loss, all hold the same events.
    if (this.losses.length > 0 || this.published.length > (this.#options.history?.events ?? 1_000)) return;
    const held = (log: EventLog): string[] =>
      log
        .history(['*'])
        .map(({ origin, n }) => `${origin}:${n}`)
        .toSorted();
    for (const { name, log } of this.pods) {
      if (first !== undefined) assert.deepEqual(held(log), held(first.log), `${name} holds what ${first.name} holds`);
    }
  }

  /** Where nothing went wrong, everything was acknowledged. */
  #checkAcks(): void {
    if (this.network.wholeSince > 0 || this.network.damaged > 0 || this.#deaths.length > 0) return;
    for (const { origin, n, acks, failure } of this.published) {
      assert.ok(acks !== undefined && acks > 0, `${origin}:${n} was acknowledged by ${acks}: ${String(failure)}`);
    }
  }

  #checkClient(client: SimClient): void {
    for (const { origin, n, stream, at, acks } of this.published) {
      if (!client.wants(stream) || at < client.since || this.#gone.has(`${origin}:${n}`)) continue;
      assert.ok(
        client.hasOrKnows(origin, n, at),
        `${origin}:${n} on ${stream}, acknowledged by ${acks}, was lost in silence; gaps ${JSON.stringify(client.gaps)}`,
      );
    }
  }
}
