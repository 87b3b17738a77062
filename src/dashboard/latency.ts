import { Agent } from 'node:http';
import { EventStreamParser } from '../sse/parser.js';
import type { Clock, Timer } from '../clock/clock.js';
import { bodyOf, askPod } from './pod-request.js';
import type { ReachablePod } from './pod-list.js';
import type { LatencyView } from './state.js';

/** Stream of the events that are measured. */
export const LATENCY_STREAM = 'trunkline.latency';

/** Milliseconds for a pod to answer. */
const TIMEOUT = 2_000;
/** Milliseconds for which a pod that takes no events is let alone. */
const REFUSED_FOR = 30_000;
const MOST_ANSWER = 64 * 1024;

/** What of a pod's numbers is the doing of this measurement. */
export interface OwnTraffic {
  published: number;
  received: number;
  delivered: number;
}

interface Follower {
  readonly address: string;
  readonly stop: AbortController;
  /** Of its connections, the one that counts as a client now. */
  connected: boolean;
}

/**
 * Measures how long an event takes from the pod that it is published on to a client of another pod: publishes small events
 * on one pod after the other, and follows them on all. Both ends are in this process, so that one clock measures.
 */
export class LatencyProbe {
  readonly #clock: Clock;
  readonly #period: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #stop = new AbortController();
  readonly #followers = new Map<string, Follower>();
  readonly #own = new Map<string, OwnTraffic>();
  readonly #sent = new Map<string, { readonly pod: string; readonly at: number }>();
  readonly #refusedUntil = new Map<string, number>();
  #pods: readonly ReachablePod[] = [];
  #samples: number[] = [];
  #seq = 0;
  #timer: Timer | undefined;

  /** @param period Milliseconds between two events; 0 for none. */
  constructor(clock: Clock, period: number) {
    this.#clock = clock;
    this.#period = period;
  }

  /** The pods that can be measured now; others are let go. */
  follow(pods: readonly ReachablePod[]): void {
    if (this.#period === 0 || this.#stop.signal.aborted) return;
    this.#pods = pods;
    const wanted = new Map(pods.map((pod) => [pod.name, pod]));
    for (const [name, follower] of this.#followers) {
      const pod = wanted.get(name);
      if (pod !== undefined && key(pod) === follower.address) continue;
      follower.stop.abort();
      this.#followers.delete(name);
    }
    for (const pod of pods) if (!this.#followers.has(pod.name)) this.#open(pod);
    this.#timer ??= this.#next();
  }

  /** What this measurement adds to the numbers of a pod, since it was last reset. */
  own(pod: string): OwnTraffic {
    let traffic = this.#own.get(pod);
    if (traffic === undefined) this.#own.set(pod, (traffic = { published: 0, received: 0, delivered: 0 }));
    return traffic;
  }

  /** Clients of a pod that are this measurement's. */
  clientsOf(pod: string): number {
    return this.#followers.get(pod)?.connected === true ? 1 : 0;
  }

  /** The pod has begun anew, or is gone: so have its numbers. */
  reset(pod: string): void {
    this.#own.delete(pod);
  }

  /** What was measured since the last time; `undefined` for nothing. */
  take(): LatencyView | undefined {
    const samples = this.#samples.toSorted((a, b) => a - b);
    this.#samples = [];
    const most = samples.at(-1);
    const median = samples[Math.floor((samples.length - 1) / 2)];
    return most === undefined || median === undefined ? undefined : { median, most, count: samples.length };
  }

  close(): void {
    this.#timer?.cancel();
    this.#stop.abort();
    for (const { stop } of this.#followers.values()) stop.abort();
    this.#followers.clear();
    this.#agent.destroy();
  }

  #next(): Timer {
    const timer = this.#clock.setTimeout(() => {
      this.#timer = this.#next();
      void this.#publish();
    }, this.#period);
    timer.unref?.();
    return timer;
  }

  async #publish(): Promise<void> {
    const now = this.#clock.now();
    for (const [id, { at }] of this.#sent) if (now - at > TIMEOUT) this.#sent.delete(id);
    const able = this.#pods.filter(({ name }) => (this.#refusedUntil.get(name) ?? 0) <= now);
    const pod = able[this.#seq % able.length];
    // Alone there is no way to measure.
    if (pod === undefined || this.#pods.length < 2) return;
    this.#seq += 1;
    const id = `${pod.name} ${this.#seq}`;
    this.#sent.set(id, { pod: pod.name, at: this.#clock.now() });
    try {
      const response = await askPod({
        address: pod.address,
        path: `/publish?stream=${LATENCY_STREAM}&ack=local`,
        method: 'POST',
        headers: { 'Content-Type': 'text/plain' },
        body: Buffer.from(id),
        agent: this.#agent,
        signal: this.#stop.signal,
        timeout: TIMEOUT,
        clock: this.#clock,
      });
      await bodyOf(response, MOST_ANSWER);
      if (response.statusCode === 200) this.own(pod.name).published += 1;
      else if (response.statusCode !== 503) this.#refusedUntil.set(pod.name, this.#clock.now() + REFUSED_FOR);
    } catch {
      // A pod that is gone shows in other ways.
    }
  }

  #open(pod: ReachablePod): void {
    const follower: Follower = { address: key(pod), stop: new AbortController(), connected: false };
    this.#followers.set(pod.name, follower);
    void this.#read(pod, follower).finally(() => {
      // The next look at the pods opens it again.
      if (this.#followers.get(pod.name) === follower) this.#followers.delete(pod.name);
    });
  }

  async #read(pod: ReachablePod, follower: Follower): Promise<void> {
    const { signal } = follower.stop;
    const parser = new EventStreamParser({ event: ({ data }) => this.#heard(pod.name, data) });
    try {
      const response = await askPod({
        address: pod.address,
        path: `/events?stream=${LATENCY_STREAM}`,
        headers: { Accept: 'text/event-stream' },
        signal,
        timeout: TIMEOUT,
        clock: this.#clock,
      });
      if (response.statusCode !== 200) {
        response.destroy();
        return;
      }
      follower.connected = true;
      for await (const chunk of response as AsyncIterable<Buffer>) parser.feed(chunk);
    } catch {
      // As above.
    } finally {
      follower.connected = false;
    }
  }

  #heard(pod: string, id: string): void {
    const now = this.#clock.now();
    const own = this.own(pod);
    own.delivered += 1;
    const sent = this.#sent.get(id);
    if (sent?.pod === pod) return;
    own.received += 1;
    if (sent !== undefined) this.#samples.push(now - sent.at);
  }
}

function key({ address: { ip, port } }: ReachablePod): string {
  return `${ip}:${port}`;
}
