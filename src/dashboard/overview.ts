import type { Pod } from '../apiserver/index.js';
import { podStatus } from '../apiserver/pod-table.js';
import { LATENCY_STREAM, type LatencyProbe } from './latency.js';
import { isReady } from './pod-list.js';
import type { LinkReport, StatusReport } from './pod-status.js';
import { Rates } from './rates.js';
import type { LinkView, PodReport, PodView } from './state.js';

/** A pod and what it told of itself, if it did. */
export interface PodLook {
  readonly pod: Pod;
  /** `ip:port`, or empty. */
  readonly address: string;
  readonly report: PodReport;
  readonly status: StatusReport | undefined;
  /** When it was asked, in milliseconds of the clock. */
  readonly at: number;
}

/** What a look at all pods shows. */
export interface Overview {
  readonly pods: readonly PodView[];
  readonly links: readonly LinkView[];
  readonly published: number;
  readonly delivered: number;
  readonly streams: readonly { readonly name: string; readonly clients: number }[];
}

const MOST_STREAMS = 100;

/** Makes what is shown out of one look at the pods after the other, and leaves out what the dashboard does itself. */
export class OverviewMaker {
  readonly #probe: LatencyProbe;
  readonly #rates = new Rates();
  readonly #origins = new Map<string, string>();

  constructor(probe: LatencyProbe) {
    this.#probe = probe;
  }

  make(looks: readonly PodLook[]): Overview {
    this.#rates.begin();
    this.#forgetRuns(looks);
    const pods = looks.map((look) => this.#pod(look));
    return {
      pods,
      links: this.#links(looks),
      published: sum(pods.map(({ published }) => published)),
      delivered: sum(pods.map(({ delivered }) => delivered)),
      streams: streamsOf(looks),
    };
  }

  /** The counters of a new run begin at 0, and what was counted here has to do so with them. */
  #forgetRuns(looks: readonly PodLook[]): void {
    const names = new Set(looks.map(({ pod }) => pod.metadata.name));
    for (const name of this.#origins.keys()) {
      if (names.has(name)) continue;
      this.#origins.delete(name);
      this.#probe.reset(name);
    }
    for (const { pod, status } of looks) {
      const { name } = pod.metadata;
      const known = this.#origins.get(name);
      if (status === undefined || status.origin === known) continue;
      this.#origins.set(name, status.origin);
      if (known !== undefined) this.#probe.reset(name);
    }
  }

  #pod({ pod, address, report, status, at }: PodLook): PodView {
    const { name } = pod.metadata;
    const own = this.#probe.own(name);
    const rate = (what: string, count: number | undefined, less: number): number =>
      status === undefined ? 0 : this.#rates.of(`${name} ${status.origin} ${what}`, (count ?? 0) - less, at);
    return {
      name,
      address,
      status: podStatus(pod),
      ready: isReady(pod),
      restarts: sum((pod.status.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
      report,
      origin: status?.origin ?? '',
      state: status?.state ?? '',
      clients: Math.max(0, (status?.clients ?? 0) - this.#probe.clientsOf(name)),
      published: rate('published', status?.published, own.published),
      received: rate('received', status?.received, own.received),
      delivered: rate('delivered', status?.delivered, own.delivered),
      events: status?.events ?? 0,
    };
  }

  #links(looks: readonly PodLook[]): LinkView[] {
    const ends = new Map<string, { look: PodLook; link: LinkReport }>();
    const nameOf = new Map(looks.flatMap(({ pod, status }) => (status ? [[status.origin, pod.metadata.name]] : [])));
    for (const look of looks) {
      for (const link of look.status?.links ?? []) {
        // A run that no pod has any more is not drawn: the link is about to be given up.
        const peer = nameOf.get(link.origin);
        if (peer !== undefined) ends.set(`${look.pod.metadata.name} ${peer}`, { look, link });
      }
    }
    const links: LinkView[] = [];
    const names = looks.map(({ pod }) => pod.metadata.name);
    for (const [index, a] of names.entries()) {
      for (const b of names.slice(index + 1)) {
        const there = ends.get(`${a} ${b}`);
        const here = ends.get(`${b} ${a}`);
        if (there === undefined && here === undefined) continue;
        const trips = [there, here].flatMap((end) => end?.link.roundTrip ?? []);
        links.push({
          a,
          b,
          roundTrip: trips.length === 0 ? undefined : Math.min(...trips),
          forth: this.#sent(a, b, there),
          back: this.#sent(b, a, here),
          behind: (there?.link.behind ?? 0) + (here?.link.behind ?? 0),
        });
      }
    }
    return links;
  }

  #sent(from: string, to: string, end: { look: PodLook; link: LinkReport } | undefined): number {
    if (end === undefined) return 0;
    const { look, link } = end;
    const run = `${from} ${look.status?.origin} ${to} ${link.origin}`;
    return this.#rates.of(`${run} sent`, link.sent - this.#probe.own(from).published, look.at);
  }
}

function streamsOf(looks: readonly PodLook[]): Overview['streams'] {
  const clients = new Map<string, number>();
  for (const { status } of looks) {
    for (const stream of status?.streams ?? []) {
      if (stream.name === LATENCY_STREAM || stream.name === '') continue;
      clients.set(stream.name, (clients.get(stream.name) ?? 0) + stream.clients);
    }
  }
  return [...clients]
    .map(([name, count]) => ({ name, clients: count }))
    .toSorted((a, b) => b.clients - a.clients || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_STREAMS);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
