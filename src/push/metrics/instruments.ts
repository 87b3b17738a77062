import { InvalidArgumentError } from '../../errors/index.js';
import type { LogStats } from '../log/counters.js';

/** What is measured: an `EventLog`. */
export interface MeasuredLog {
  stats(): LogStats;
  /** Followers of each name or pattern that anybody follows. */
  counts(): ReadonlyMap<string, number>;
}

/** Checks that there is a log at all, for programs without types. @throws InvalidArgumentError */
export function checkMeasuredLog(what: string, log: Partial<MeasuredLog> | undefined): void {
  if (typeof log?.stats !== 'function') throw new InvalidArgumentError(`${what} needs an EventLog first`);
}

/** Names of labels, without the prefix that an ecosystem asks for. */
export type Label = 'transport' | 'reason' | 'stream';

export type Labels = Readonly<Partial<Record<Label, string>>>;

/** One value of a metric. */
export type Sample = readonly [labels: Labels, value: number];

/** One metric, named for both ecosystems. */
export interface Instrument {
  /** Behind the prefix, in Prometheus' way: snake case, the base unit, counters with `_total`. */
  readonly promName: string;
  /** Behind the prefix, in OpenTelemetry's way: dots, neither unit nor `total` in the name, `count` for how many there are. */
  readonly otelName: string;
  /** A `sum` only grows while the log lives; a `level` goes up and down. */
  readonly kind: 'sum' | 'level';
  /** UCUM, as OpenTelemetry has it: `By` for bytes; what is counted in braces. */
  readonly unit: string;
  readonly help: string;
  readonly labels: readonly Label[];
  /** Given the values, rather than the log, so that all metrics of a scrape are of one moment. */
  readonly read: (snapshot: Snapshot) => Iterable<Sample>;
}

/** The numbers of one moment. */
export interface Snapshot {
  readonly stats: LogStats;
  /** Read when it is asked for: nobody pays for it unless streams are labels. */
  readonly counts: () => ReadonlyMap<string, number>;
}

/** Metrics of every log. */
export const INSTRUMENTS: readonly Instrument[] = [
  {
    promName: 'followers',
    otelName: 'follower.count',
    kind: 'level',
    unit: '{follower}',
    help: 'Clients that follow the log now.',
    labels: ['transport'],
    read: ({ stats }) => by('transport', stats.followers),
  },
  {
    promName: 'published_events_total',
    otelName: 'published.events',
    kind: 'sum',
    unit: '{event}',
    help: 'Events that were published here.',
    labels: [],
    read: ({ stats }) => one(stats.published),
  },
  {
    promName: 'appended_events_total',
    otelName: 'appended.events',
    kind: 'sum',
    unit: '{event}',
    help: 'Events that were taken over from other pods.',
    labels: [],
    read: ({ stats }) => one(stats.appended),
  },
  {
    promName: 'live_events_total',
    otelName: 'live.events',
    kind: 'sum',
    unit: '{event}',
    help: 'Live events, which are handed to those who follow and not kept.',
    labels: [],
    read: ({ stats }) => one(stats.live),
  },
  {
    promName: 'live_events_missed_total',
    otelName: 'live.events.missed',
    kind: 'sum',
    unit: '{event}',
    help: 'Live events that clients were too slow for.',
    labels: [],
    read: ({ stats }) => one(stats.liveMissed),
  },
  {
    promName: 'delivered_items_total',
    otelName: 'delivered.items',
    kind: 'sum',
    unit: '{item}',
    help: 'Events and gaps that were handed to clients.',
    labels: ['transport'],
    read: ({ stats }) => by('transport', stats.deliveredItems),
  },
  {
    promName: 'delivered_bytes_total',
    otelName: 'delivered.io',
    kind: 'sum',
    unit: 'By',
    help: 'Bytes that were handed to clients, before compression.',
    labels: ['transport'],
    read: ({ stats }) => by('transport', stats.deliveredBytes),
  },
  {
    promName: 'gaps_total',
    otelName: 'gaps',
    kind: 'sum',
    unit: '{gap}',
    help: 'Times that a client was told that events are missing.',
    labels: ['reason'],
    read: ({ stats }) => by('reason', stats.gaps),
  },
  {
    promName: 'ended_total',
    otelName: 'follower.ended',
    kind: 'sum',
    unit: '{follower}',
    help: 'Clients that stopped following, or were made to.',
    labels: ['transport', 'reason'],
    read: ({ stats }) => ended(stats),
  },
  {
    promName: 'history_events',
    otelName: 'history.event.count',
    kind: 'level',
    unit: '{event}',
    help: 'Events that the log keeps now.',
    labels: [],
    read: ({ stats }) => one(stats.history.events),
  },
  {
    promName: 'history_bytes',
    otelName: 'history.size',
    kind: 'level',
    unit: 'By',
    help: 'Bytes that the events of the log take now, as its budget counts them.',
    labels: [],
    read: ({ stats }) => one(stats.history.bytes),
  },
  {
    promName: 'streams',
    otelName: 'stream.count',
    kind: 'level',
    unit: '{stream}',
    help: 'Streams that the log knows now.',
    labels: [],
    read: ({ stats }) => one(stats.history.streams),
  },
];

/** Only where it is asked for: names of streams come from clients, and there is no bound on how many a database gets to see. */
export const PER_STREAM: Instrument = {
  promName: 'stream_followers',
  otelName: 'stream.follower.count',
  kind: 'level',
  unit: '{follower}',
  help: 'Clients that follow a stream or a pattern now.',
  labels: ['stream'],
  read: ({ counts }) => by('stream', counts()),
};

/**
 * Reads a log once for all that ask in one turn of the event loop, so that the metrics of a scrape fit together and a scrape
 * costs one reading.
 */
export function snapshots(log: MeasuredLog): () => Snapshot {
  let current: Snapshot | undefined;
  return () => {
    if (current === undefined) {
      current = { stats: log.stats(), counts: () => log.counts() };
      queueMicrotask(() => (current = undefined));
    }
    return current;
  };
}

function one(value: number): Sample[] {
  return [[{}, value]];
}

function by(label: Label, values: Readonly<Record<string, number>> | ReadonlyMap<string, number>): Sample[] {
  const entries = values instanceof Map ? [...values] : Object.entries(values);
  return entries.map(([name, value]) => [{ [label]: name }, value]);
}

function ended({ ended: transports }: LogStats): Sample[] {
  return Object.entries(transports).flatMap(([transport, reasons]) =>
    Object.entries(reasons).map(([reason, value]): Sample => [{ transport, reason }, value]),
  );
}
