import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames } from '../../limits/option-names.js';
import { checkMeasuredLog, INSTRUMENTS, PER_STREAM, snapshots, type MeasuredLog } from './instruments.js';

/** Takes metrics away again; `using` does it at the end of a block. Safe to call again. */
export type MetricsRegistration = (() => void) & Disposable;

/** Of prom-client's `Counter` and `Gauge`: what is used here. */
export interface PromMetric {
  reset(): void;
  inc(labels: Record<string, string>, value: number): void;
}

/** Of the argument that their constructors take. */
export interface PromMetricConfiguration {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: never[];
  readonly collect: () => void;
}

/** Of prom-client's `Registry`: what is used here. */
export interface PromRegistry {
  readonly contentType?: string;
  registerMetric(metric: { reset(): void }): void;
  removeSingleMetric(name: string): void;
}

/** Of the module `prom-client`: what is used here. */
export interface PromClient {
  readonly Counter: new (configuration: PromMetricConfiguration) => PromMetric;
  readonly Gauge: new (configuration: PromMetricConfiguration) => PromMetric;
  readonly register: PromRegistry;
}

export interface PromMetricsOptions {
  /** Default: prom-client's global registry. */
  readonly registry?: PromRegistry;
  /** What the names begin with; a second log in one registry needs its own. Default `trunkline_push_`. */
  readonly prefix?: string;
  /**
   * Also `…stream_followers`, with the stream as a label. Each name that anybody follows becomes a time series, and names may
   * come from clients: for logs with few streams, or with an authorize hook that bounds them. Default false.
   */
  readonly perStream?: boolean;
}

const OPTION_NAMES = { registry: true, prefix: true, perStream: true } as const;

/**
 * Offers the numbers of a log to Prometheus through prom-client (15.x), which the program brings along. They are read when
 * they are scraped; following and publishing cost nothing more.
 *
 * Gauges: `followers{transport}`, `history_events`, `history_bytes`, `streams`; counters: `published_events_total`,
 * `appended_events_total`, `delivered_items_total{transport}`, `delivered_bytes_total{transport}`, `gaps_total{reason}`,
 * `ended_total{transport,reason}`.
 *
 * @param client The module `prom-client`: its default export, or all of it.
 * @returns Takes the metrics out of the registry.
 * @throws InvalidArgumentError for options that do not exist or cannot be.
 * @throws Error of prom-client when the registry has metrics of these names; then none is added.
 */
export function promMetrics(
  log: MeasuredLog,
  client: PromClient,
  options: PromMetricsOptions = {},
): MetricsRegistration {
  checkMeasuredLog('promMetrics', log);
  checkOptionNames('promMetrics', options, OPTION_NAMES);
  const { registry, prefix = 'trunkline_push_', perStream = false } = options;
  const instruments = perStream ? [...INSTRUMENTS, PER_STREAM] : INSTRUMENTS;
  return registerInstruments('promMetrics(log, client)', client, {
    registry,
    prefix,
    instruments,
    read: snapshots(log),
  });
}

/** What becomes metrics of Prometheus: what is read of a snapshot, such as an `Instrument` of a log. */
export interface PromInstrument<S> {
  readonly promName: string;
  readonly kind: 'sum' | 'level';
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (snapshot: S) => Iterable<readonly [labels: Readonly<Record<string, string>>, value: number]>;
}

/** Which metrics are registered where. */
export interface PromInstruments<S> {
  readonly registry: PromRegistry | undefined;
  readonly prefix: string;
  readonly instruments: readonly PromInstrument<S>[];
  /** The numbers of this moment. */
  readonly read: () => S;
}

/**
 * Registers metrics that are read when they are scraped: all, or none when one cannot be.
 *
 * @param call What the program wrote, for messages.
 * @throws InvalidArgumentError; Error of prom-client for a name that is taken.
 */
export function registerInstruments<S>(
  call: string,
  client: PromClient,
  { registry: given, prefix, instruments, read }: PromInstruments<S>,
): MetricsRegistration {
  checkClient(call, client, given);
  const registry = given ?? client.register;
  if (!/^[a-z_:][\w:]*$/i.test(prefix)) {
    throw new InvalidArgumentError(
      `a prefix of Prometheus metrics has letters, digits, _ and : only, unlike ${prefix}`,
    );
  }
  const names: string[] = [];
  const unregister = (): void => {
    for (const name of names.splice(0)) registry.removeSingleMetric(name);
  };
  try {
    for (const instrument of instruments) {
      const name = prefix + nameFor(registry, instrument.promName);
      registry.registerMetric(makeMetric(client, name, instrument, read));
      names.push(name);
    }
  } catch (error) {
    unregister();
    throw error;
  }
  return Object.assign(unregister, { [Symbol.dispose]: unregister });
}

/** For programs without types. */
function checkClient(call: string, client: Partial<PromClient> | undefined, registry = client?.register): void {
  const usable = typeof client?.Counter === 'function' && typeof client.Gauge === 'function';
  if (!usable || typeof registry?.registerMetric !== 'function') {
    throw new InvalidArgumentError(`${call.split('(', 1)[0]} needs the module prom-client: ${call}`);
  }
}

/** In the OpenMetrics format prom-client adds `_total` itself. */
function nameFor(registry: PromRegistry, promName: string): string {
  return registry.contentType?.startsWith('application/openmetrics-text') === true
    ? promName.replace(/_total$/, '')
    : promName;
}

function makeMetric<S>(client: PromClient, name: string, instrument: PromInstrument<S>, read: () => S): PromMetric {
  const Metric = instrument.kind === 'sum' ? client.Counter : client.Gauge;
  const metric = new Metric({
    name,
    help: instrument.help,
    labelNames: [...instrument.labels],
    registers: [],
    // prom-client's counters cannot be set; from zero, adding is setting.
    collect: () => {
      metric.reset();
      for (const [labels, value] of instrument.read(read())) metric.inc(labels, value);
    },
  });
  return metric;
}
