import type { Timer } from '../clock/clock.js';
import type { EventLog } from '../push/index.js';
import type { Pod } from '../apiserver/index.js';
import { LatencyProbe } from './latency.js';
import type { DashboardSettings } from './options.js';
import { OverviewMaker, type PodLook } from './overview.js';
import { podsOf, reachablePods } from './pod-list.js';
import { askPod, bodyOf } from './pod-request.js';
import { readStatus } from './pod-status.js';
import type { Notice, PodView, Snapshot, StateEvents } from './state.js';

/** Stream of the dashboard's own log that the page follows. */
export const STATE_STREAM = 'state';

const MOST_STATUS = 4 * 1024 * 1024;
/** Milliseconds in which changes of pods are gathered before they are looked at. */
const SOON = 50;

/** What the dashboard's own log holds. */
export type StateLog = EventLog<{ state: StateEvents }>;

/** Looks at the pods, again and again and when they change, and publishes what it sees. */
export class Watcher {
  readonly #settings: DashboardSettings;
  readonly #log: StateLog;
  readonly #probe: LatencyProbe;
  readonly #maker: OverviewMaker;
  readonly #stop = new AbortController();
  /** Pods whose program is known to tell nothing, by run of the container. */
  readonly #mute = new Set<string>();
  #before: ReadonlyMap<string, PodView> = new Map();
  #timer: Timer | undefined;
  #due = Infinity;
  #lastNote = 0;
  #looking = false;
  /** Whether something has changed during a look. */
  #changed = false;
  #unsubscribe: (() => void) | undefined;

  constructor(settings: DashboardSettings, log: StateLog) {
    this.#settings = settings;
    this.#log = log;
    this.#probe = new LatencyProbe(settings.clock, settings.probePeriod);
    this.#maker = new OverviewMaker(this.#probe);
  }

  start(): void {
    this.#unsubscribe = this.#settings.cluster.pods.subscribe(() => this.#lookIn(SOON));
    this.#lookIn(0);
  }

  close(): void {
    this.#unsubscribe?.();
    this.#timer?.cancel();
    this.#stop.abort();
    this.#probe.close();
  }

  /** Tells the page of something. */
  note(kind: Notice['kind'], pod: string, text: string): void {
    if (this.#log.closed) return;
    // No two have the same, so that the page knows them by it.
    const time = Math.max(this.#settings.wallClock.now().getTime(), this.#lastNote + 1);
    this.#lastNote = time;
    this.#log.publish(STATE_STREAM, { time, kind, pod, text }, { type: 'notice' });
  }

  #lookIn(delay: number): void {
    if (this.#stop.signal.aborted) return;
    const { clock } = this.#settings;
    const due = clock.now() + delay;
    if (this.#looking) this.#changed = true;
    if (due >= this.#due || this.#looking) return;
    this.#timer?.cancel();
    this.#due = due;
    this.#timer = clock.setTimeout(() => void this.#look(), delay);
    this.#timer.unref?.();
  }

  async #look(): Promise<void> {
    this.#due = Infinity;
    this.#looking = true;
    try {
      const { cluster } = this.#settings;
      const reachable = new Map(reachablePods(cluster).map((pod) => [pod.name, pod]));
      const looks = await Promise.all(podsOf(cluster).map((pod) => this.#ask(pod)));
      if (this.#stop.signal.aborted) return;
      this.#probe.follow(
        looks.flatMap(({ pod, report }) => (report === 'live' ? (reachable.get(pod.metadata.name) ?? []) : [])),
      );
      this.#publish(looks);
    } catch (error) {
      this.#settings.onError(error);
    } finally {
      this.#looking = false;
      this.#lookIn(this.#changed ? SOON : this.#settings.pollPeriod);
      this.#changed = false;
    }
  }

  async #ask(pod: Pod): Promise<PodLook> {
    const { clock, cluster, pollPeriod } = this.#settings;
    const address = cluster.address(pod);
    const shown = address === undefined ? '' : `${address.ip}:${address.port}`;
    const run = runOf(pod);
    const look = (report: PodLook['report'], status?: PodLook['status']): PodLook => {
      return { pod, address: shown, report, status, at: clock.now() };
    };
    if (address === undefined) return look('silent');
    if (this.#mute.has(run)) return look('none');
    try {
      const response = await askPod({
        address,
        path: '/status',
        headers: { Accept: 'application/json' },
        signal: this.#stop.signal,
        timeout: pollPeriod,
        clock,
      });
      if (response.statusCode !== 200) {
        response.destroy();
        // It may only be on its way up; what is not there at all is no matter of time.
        if (response.statusCode === 503) return look('silent');
        return this.#isMute(run, look);
      }
      const body = await bodyOf(response, MOST_STATUS);
      const status = readStatus(JSON.parse(body.toString()));
      return status === undefined ? this.#isMute(run, look) : look('live', status);
    } catch (error) {
      return error instanceof SyntaxError ? this.#isMute(run, look) : look('silent');
    }
  }

  #isMute(run: string, look: (report: PodLook['report']) => PodLook): PodLook {
    this.#mute.add(run);
    return look('none');
  }

  #publish(looks: readonly PodLook[]): void {
    const { cluster, wallClock } = this.#settings;
    const runs = new Set(looks.map(({ pod }) => runOf(pod)));
    for (const run of this.#mute) if (!runs.has(run)) this.#mute.delete(run);
    const { pods, links, published, delivered, streams } = this.#maker.make(looks);
    this.#compare(pods);
    const snapshot: Snapshot = {
      time: wallClock.now().getTime(),
      apiServer: cluster.apiServer,
      namespace: cluster.namespace,
      pods,
      links,
      published,
      delivered,
      latency: this.#probe.take(),
      streams,
    };
    if (!this.#log.closed) this.#log.publish(STATE_STREAM, snapshot, { type: 'snapshot' });
  }

  /** Tells what has happened to pods since the last look. */
  #compare(pods: readonly PodView[]): void {
    const now = new Map(pods.map((pod) => [pod.name, pod]));
    for (const pod of pods) {
      const before = this.#before.get(pod.name);
      if (pod.restarts > (before?.restarts ?? pod.restarts)) this.note('restart', pod.name, 'started again');
      if (before?.ready === true && !pod.ready) this.note('lost', pod.name, 'is not ready any more');
      if (before?.ready !== true && pod.ready) this.note('ready', pod.name, 'is ready');
    }
    for (const name of this.#before.keys()) if (!now.has(name)) this.note('gone', name, 'is gone');
    this.#before = now;
  }
}

function runOf({ metadata, status }: Pod): string {
  return `${metadata.uid} ${status.containerStatuses?.map(({ restartCount }) => restartCount).join()}`;
}
