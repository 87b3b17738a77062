import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { reachablePods, type ReachablePod } from './pod-list.js';
import type { DashboardSettings } from './options.js';
import { askPod, bodyOf, neverReached } from './pod-request.js';

/** Milliseconds for a pod to answer a request for events before another one is asked. */
const EVENTS_TIMEOUT = 3_000;
/** Pods wait up to ten seconds for one another. */
const PUBLISH_TIMEOUT = 12_000;
const MOST_ANSWER = 1024 * 1024;
/** Answers of a pod that another pod may do better than. */
const ELSEWHERE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What was asked of a pod, and which one answered. */
export interface PodAnswer<Body> {
  readonly pod: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
}

/** Something to publish. */
export interface Publication {
  /** As of the pods' `POST /publish`. */
  readonly query: URLSearchParams;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  /** The pod that is to take it; any ready one without. */
  readonly pod: string | undefined;
}

/** Passes requests to pods that are ready, each to a random one, as a Service does. */
export class Balancer {
  readonly #settings: DashboardSettings;

  constructor(settings: DashboardSettings) {
    this.#settings = settings;
  }

  /**
   * Asks for events. A pod that refuses, or does not answer, has another one asked, until all were; once an answer has begun
   * it is the one.
   *
   * @returns `undefined` when no pod could take it.
   * @throws the signal's reason.
   */
  async events(
    search: string,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal,
  ): Promise<PodAnswer<IncomingMessage> | undefined> {
    const { clock } = this.#settings;
    for (const { name, address } of this.#shuffled()) {
      try {
        const path = `/events${search}`;
        const body = await askPod({ address, path, headers, signal, timeout: EVENTS_TIMEOUT, clock });
        const status = body.statusCode ?? 0;
        if (!ELSEWHERE.has(status)) return { pod: name, status, headers: body.headers, body };
        body.destroy();
      } catch (error) {
        if (signal.aborted) throw error;
      }
    }
    return undefined;
  }

  /**
   * Publishes. Another pod is tried when the first was not reached or takes nothing now; with an idempotency key also when it
   * went away without an answer, for the event then stays one.
   *
   * @returns `undefined` when no pod could take it.
   * @throws what the last pod failed with when nobody knows whether it took the event; the signal's reason.
   */
  async publish(
    { query, headers, body, pod }: Publication,
    signal: AbortSignal,
  ): Promise<PodAnswer<Buffer> | undefined> {
    const { clock, cluster } = this.#settings;
    const pods = pod === undefined ? this.#shuffled() : reachablePods(cluster).filter(({ name }) => name === pod);
    let last: PodAnswer<Buffer> | undefined;
    for (const { name, address } of pods) {
      try {
        const path = `/publish?${query}`;
        const answer = await askPod({
          address,
          path,
          method: 'POST',
          headers,
          body,
          signal,
          timeout: PUBLISH_TIMEOUT,
          clock,
        });
        const status = answer.statusCode ?? 0;
        last = { pod: name, status, headers: answer.headers, body: await bodyOf(answer, MOST_ANSWER) };
        if (status !== 503) return last;
      } catch (error) {
        if (signal.aborted || !(neverReached(error) || query.has('key'))) throw error;
      }
    }
    return last;
  }

  #shuffled(): ReachablePod[] {
    const pods = [...reachablePods(this.#settings.cluster, true)];
    for (let i = pods.length - 1; i > 0; i--) {
      const j = Math.floor(this.#settings.random() * (i + 1));
      const [a, b] = [pods[i], pods[j]];
      if (a !== undefined && b !== undefined) [pods[i], pods[j]] = [b, a];
    }
    return pods;
  }
}
