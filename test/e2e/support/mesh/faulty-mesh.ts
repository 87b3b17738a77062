import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer, PeerFinder } from '../../../../src/mesh/discovery/types.js';
import { Mesh } from '../../../../src/mesh/mesh.js';
import type { MeshTimes } from '../../../../src/mesh/times.js';
import { EventLog } from '../../../../src/push/index.js';
import { FaultProxy } from '../../../../src/testing/fault-proxy.js';

/** Short, so that faults are noticed soon, and long enough for a busy machine. */
export const SHORT_TIMES: Partial<MeshTimes> = {
  helloTimeout: 2_000,
  pingPeriod: 300,
  pingTimeout: 1_000,
  spread: 10,
  retry: 20,
  maxRetry: 300,
  directDelay: 100,
  answerTimeout: 1_000,
  partTimeout: 5_000,
  aloneAfter: 500,
  havePeriod: 300,
  haveDelay: 5,
};

/** Waits until something is so; the test's own time-out ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

/** What one pod's clients get. Throws away nothing: what comes twice or out of order is kept as a complaint. */
export class Received {
  readonly complaints: string[] = [];
  readonly #newest = new Map<string, number>();
  readonly #texts = new Set<string>();

  constructor(log: EventLog, stream: string) {
    void this.#read(log, stream);
  }

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  get size(): number {
    return this.#texts.size;
  }

  async #read(log: EventLog, stream: string): Promise<void> {
    for await (const item of log.subscribe(stream, { start: 'start' })) {
      if (item.kind !== 'event') {
        this.complaints.push(`a gap: ${JSON.stringify(item)}`);
        continue;
      }
      const { origin, n, data } = item;
      const before = this.#newest.get(origin) ?? 0;
      if (n <= before) this.complaints.push(`${origin}:${n} came after ${before}`);
      this.#newest.set(origin, n);
      this.#texts.add(String(data));
    }
  }
}

/** Pods in this process that reach one another through relays, one for each direction of dialling. */
export class FaultyMesh implements AsyncDisposable {
  readonly pods: Mesh[] = [];
  readonly received: Received[] = [];
  readonly #proxies = new Map<string, FaultProxy>();
  #published = 0;

  static async start(count: number): Promise<FaultyMesh> {
    const mesh = new FaultyMesh();
    let open: () => void = () => {};
    const listening = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (let index = 0; index < count; index++) {
      const log = new EventLog();
      const finder = mesh.#finder(index, listening);
      mesh.pods.push(
        new Mesh(log, {
          finder,
          name: `pod-${index}`,
          host: '127.0.0.1',
          port: 0,
          times: SHORT_TIMES,
          compatible: false,
        }),
      );
      mesh.received.push(new Received(log, 'news'));
    }
    const started = mesh.pods.map(async (pod) => await pod.start());
    await until(() => mesh.pods.every(({ port }) => port !== 0));
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        if (from === to) continue;
        const proxy = new FaultProxy({ target: { host: '127.0.0.1', port: mesh.pods[to]?.port ?? 0 } });
        await proxy.listen();
        mesh.#proxies.set(`${from} ${to}`, proxy);
      }
    }
    open();
    await Promise.all(started);
    await mesh.whole();
    return mesh;
  }

  /** The relays between two pods: by which the one dials the other, and back. */
  between(one: number, other: number): readonly [FaultProxy, FaultProxy] {
    return [this.#proxy(one, other), this.#proxy(other, one)];
  }

  /** The relays to and from one pod. */
  around(pod: number): FaultProxy[] {
    return this.pods.flatMap((_, other) => (other === pod ? [] : this.between(pod, other)));
  }

  /** Loses what one pod sends to another, whoever has dialled. */
  loseOneWay(from: number, to: number): void {
    this.#proxy(from, to).lose('up');
    this.#proxy(to, from).lose('down');
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  linked(one: number, other: number): boolean {
    return this.pods[one]?.links.some(({ name }) => name === `pod-${other}`) === true;
  }

  /** All links are there. */
  async whole(): Promise<void> {
    await until(() => this.pods.every(({ links }) => links.length === this.pods.length - 1));
  }

  /** Publishes events on a pod, and tells what they say. */
  publish(pod: number, count: number, length = 10): string[] {
    return Array.from({ length: count }, () => {
      const text = `${this.#published++}:`.padEnd(length, '.');
      this.pods[pod]?.log.publish('news', text);
      return text;
    });
  }

  /** Waits until clients of these pods, or of all, have got the texts. */
  async got(texts: readonly string[], pods: readonly number[] = [...this.pods.keys()]): Promise<void> {
    await until(() => pods.every((pod) => texts.every((text) => this.received[pod]?.has(text) === true)));
  }

  /** Nothing came twice, out of order or not at all. */
  check(): void {
    for (const [pod, { complaints, size }] of this.received.entries()) {
      assert.deepEqual(complaints, [], `pod-${pod}`);
      assert.equal(size, this.#published, `pod-${pod}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.pods.map(async (pod) => await pod.close()));
    for (const { log } of this.pods) log.close();
    await Promise.all([...this.#proxies.values()].map(async (proxy) => await proxy.close()));
  }

  #proxy(from: number, to: number): FaultProxy {
    const proxy = this.#proxies.get(`${from} ${to}`);
    assert.ok(proxy !== undefined);
    return proxy;
  }

  #finder(own: number, listening: Promise<void>): PeerFinder {
    const peers = (): Peer[] =>
      this.pods.flatMap((_, other) =>
        other === own
          ? []
          : [{ host: '127.0.0.1', port: this.#proxy(own, other).port, name: `pod-${other}`, self: false }],
      );
    return {
      async *peers({ signal } = {}) {
        await listening;
        yield peers();
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
      },
    };
  }
}
