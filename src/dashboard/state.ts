/** What the page is told: the types of the events of `/state`. No more than types, for the page is compiled apart. */

/** Whether a pod tells of itself: by `/status`; not yet, or not any more; or never, for its program is another one. */
export type PodReport = 'live' | 'silent' | 'none';

/** A pod, as the page shows it. */
export interface PodView {
  readonly name: string;
  /** `ip:port`; empty while it has none. */
  readonly address: string;
  /** The word that kubectl shows. */
  readonly status: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly report: PodReport;
  /** Id of its run; empty when it does not tell. */
  readonly origin: string;
  /** `joining`, `ready`, `draining`; empty when it does not tell. */
  readonly state: string;
  /** Those who follow, without the dashboard's own. */
  readonly clients: number;
  /** Events per second. */
  readonly published: number;
  readonly received: number;
  readonly delivered: number;
  /** Events in its history. */
  readonly events: number;
}

/** A link between two pods, by their names, in order. */
export interface LinkView {
  readonly a: string;
  readonly b: string;
  /** Milliseconds, the better of what both ends measured. */
  readonly roundTrip: number | undefined;
  /** Events per second from a to b, and back. */
  readonly forth: number;
  readonly back: number;
  /** Events on their way, both directions together: sent and not acknowledged, or not sent yet. */
  readonly behind: number;
}

/** Milliseconds from publishing on one pod until another one's client has the event. */
export interface LatencyView {
  readonly median: number;
  readonly most: number;
  /** How many deliveries were measured. */
  readonly count: number;
}

/** The state of the cluster at one moment, about once a second. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly apiServer: string;
  readonly namespace: string;
  readonly pods: readonly PodView[];
  readonly links: readonly LinkView[];
  /** Events per second over all pods. */
  readonly published: number;
  readonly delivered: number;
  readonly latency: LatencyView | undefined;
  /** Streams that pods have followers on, the dashboard's own left out; at most a hundred. */
  readonly streams: readonly { readonly name: string; readonly clients: number }[];
}

/** Something happened that is worth a line. */
export interface Notice {
  readonly time: number;
  readonly kind: 'kill' | 'replace' | 'ready' | 'gone' | 'lost' | 'restart' | 'failed';
  readonly pod: string;
  readonly text: string;
}

/** Names of the events of `/state`. */
export interface StateEvents {
  readonly snapshot: Snapshot;
  readonly notice: Notice;
}
