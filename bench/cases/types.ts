/** A pair of processes to run. */
export interface Run {
  readonly name: string;
  readonly peer: 'node' | 'go';
  /** Which end sends. */
  readonly sender: 'client' | 'server';
  /** The wire, then the rest of the peers' command line. */
  readonly args: readonly string[];
  /** Milliseconds that pass before the window. */
  readonly warmup: number;
  /** What both processes have in their environment besides ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it may fail or stall. It is then tried once more, and otherwise reported as unable. */
  readonly fragile?: boolean;
}

/**
 * By what runs are compared: what passes per second, or per second of both processes' CPU time, and of ping-pong the
 * median and the 99th percentile of the round trip times.
 */
export type Metric = 'rate' | 'cpu' | 'p50' | 'p99';

/** A row of the table of targets that Trunkline is built to. */
export interface Target {
  readonly id: string;
  readonly metric: Metric;
  /** The least ratio. */
  readonly ratio: number;
}

/** What a case is compared with. */
export interface Reference {
  readonly run: Run;
  readonly targets?: readonly Target[];
}

/** Something of ours, and what to compare it with in the same rounds. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** What is counted. */
  readonly unit: 'bytes' | 'messages' | 'streams' | 'round trips';
  readonly run: Run;
  readonly references: readonly Reference[];
}
