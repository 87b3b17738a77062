/** Processes to run. */
export type Run = PairRun | FanOutRun | BroadcastRun;

interface CommonRun {
  readonly name: string;
  /** Milliseconds that pass before the window. */
  readonly warmup: number;
  /** What all processes have in their environment besides ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it may fail or stall. It is then tried once more, and otherwise reported as unable. */
  readonly fragile?: boolean;
}

/** A pair of processes that talk to one another. */
export interface PairRun extends CommonRun {
  readonly kind: 'pair';
  readonly peer: 'node' | 'go';
  /** Which end sends. */
  readonly sender: 'client' | 'server';
  /** The wire, then the rest of the peers' command line. */
  readonly args: readonly string[];
}

/** A server that sends the same events to many clients, all of them in one process. */
export interface FanOutRun extends CommonRun {
  readonly kind: 'fan-out';
  /** What the server is written in; the client is in C. */
  readonly peer: 'node' | 'go' | 'c';
  /** The server, and the rest of its command line. */
  readonly args: readonly string[];
  readonly protocol: 'sse' | 'nats';
  readonly clients: number;
  /** How many more clients there are that read nothing. */
  readonly stalled: number;
  /** `idle` measures memory, the rest deliveries. */
  readonly load: 'idle' | 'saturated' | 'paced';
  /** Milliseconds between the events of a paced load, otherwise 0. */
  readonly interval: number;
}

/** A pod that publishes events to others. */
export interface BroadcastRun extends CommonRun {
  readonly kind: 'broadcast';
  readonly peer: 'node' | 'go';
  /** The bus, and the rest of the pods' command line. */
  readonly args: readonly string[];
  /** How many others there are. */
  readonly peers: number;
  /** Whether these are all in one process, instead of one each. */
  readonly together: boolean;
  /** Whether an event counts once, or once for each pod that it reaches. */
  readonly counted: 'events' | 'deliveries';
  /** Bytes of an event's data. */
  readonly size: number;
  /** Events that are published and not acknowledged at any time. */
  readonly inFlight: number;
  /** Milliseconds between the events of a paced load, otherwise 0. */
  readonly interval: number;
}

/**
 * By what runs are compared: what passes per second; per second of CPU time, of both processes, or of the server alone
 * with many clients, or of the pod that publishes; per second of CPU time of a pod that follows; the median and the 99th percentile of round trip times and of the times that deliveries take; and
 * the memory of an idle client.
 */
export type Metric = 'rate' | 'cpu' | 'peer-cpu' | 'p50' | 'p99' | 'memory';

/** A row of the table of targets that Trunkline is built to. */
export interface Target {
  readonly id: string;
  readonly metric: Metric;
  /** The least ratio. */
  readonly ratio: number;
}

/** What a case is compared with: something else that runs in the same rounds, or a figure. */
export interface Reference {
  readonly run: Run | Figure;
  readonly targets?: readonly Target[];
}

/** A figure that is asked for as such, not as a ratio. */
export interface Figure {
  readonly kind: 'figure';
  readonly name: string;
  /** The metric that it is of. */
  readonly metric: Metric;
  readonly value: number;
}

/** Something of ours, and what to compare it with in the same rounds. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** What is counted. */
  readonly unit: 'bytes' | 'messages' | 'streams' | 'round trips' | 'deliveries' | 'events' | 'clients';
  /** By what it is compared, in the order of the reports. Default: rate and CPU. */
  readonly metrics?: readonly Metric[];
  readonly run: Run;
  readonly references: readonly Reference[];
}
