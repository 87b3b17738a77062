/** What a test tells a process of clients. */
export type ToClients =
  | { readonly kind: 'start'; readonly clients: number; readonly streams: readonly string[]; readonly seed: number }
  /** Where pods may be reached from now on. */
  | { readonly kind: 'targets'; readonly urls: readonly string[] }
  /** All that was published, after which the clients report once they have what is required. */
  | { readonly kind: 'published'; readonly events: PublishedTable }
  /** Report what there is. */
  | { readonly kind: 'report' };

/**
 * What became of each event, by its index. Events of which nothing is known have no origin: their publisher was not answered.
 */
export interface PublishedTable {
  /** Index of the origin among all; -1 for unknown. */
  readonly origin: readonly number[];
  readonly n: readonly number[];
  /** 1 for those that every client must have. */
  readonly required: readonly number[];
}

/** What a process of clients tells the test. */
export type FromClients =
  | { readonly kind: 'connected' }
  | { readonly kind: 'report'; readonly complete: boolean; readonly report: ClientReport };

/** What clients have seen. The lists hold the first few. */
export interface ClientReport {
  readonly clients: number;
  /** Events in all. */
  readonly received: number;
  /** Events that were not required, for nobody had acknowledged them, and came. */
  readonly extra: number;
  readonly missing: number;
  readonly repeats: number;
  readonly disordered: number;
  /** Connections beyond the first of each client, and attempts that failed. */
  readonly reconnects: number;
  readonly failures: number;
  /** What clients were told to miss, as it was told. */
  readonly gaps: readonly string[];
  readonly examples: readonly string[];
}

/** Sums up the reports of several processes. */
export function sumOf(reports: readonly ClientReport[]): ClientReport {
  const total = (field: 'clients' | 'received' | 'extra' | 'missing' | 'repeats' | 'disordered'): number =>
    reports.reduce((sum, report) => sum + report[field], 0);
  return {
    clients: total('clients'),
    received: total('received'),
    extra: total('extra'),
    missing: total('missing'),
    repeats: total('repeats'),
    disordered: total('disordered'),
    reconnects: reports.reduce((sum, { reconnects }) => sum + reconnects, 0),
    failures: reports.reduce((sum, { failures }) => sum + failures, 0),
    gaps: reports.flatMap(({ gaps }) => gaps),
    examples: reports.flatMap(({ examples }) => examples),
  };
}
