import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames } from '../../limits/option-names.js';
import {
  checkMeasuredLog,
  INSTRUMENTS,
  PER_STREAM,
  type Instrument,
  type Labels,
  type MeasuredLog,
} from './instruments.js';
import type { MetricsRegistration } from './prometheus.js';

/** An instrument of OpenTelemetry that is read when metrics are collected; only handed on here. */
export type OTelObservable = object;

/** What a callback tells values to. */
export interface OTelBatchResult {
  observe(observable: OTelObservable, value: number, attributes?: Record<string, string>): void;
}

/** Of the `Meter` of `@opentelemetry/api`: what is used here. */
export interface OTelMeter {
  createObservableCounter(name: string, options: { description: string; unit: string }): OTelObservable;
  createObservableUpDownCounter(name: string, options: { description: string; unit: string }): OTelObservable;
  addBatchObservableCallback(callback: (result: OTelBatchResult) => void, observables: OTelObservable[]): void;
  removeBatchObservableCallback(callback: (result: OTelBatchResult) => void, observables: OTelObservable[]): void;
}

export interface OTelMetricsOptions {
  /** What the names of metrics and attributes begin with. Default `trunkline.push.`. */
  readonly prefix?: string;
  /**
   * Also `…stream.follower.count`, with the stream as an attribute. Each name that anybody follows becomes a time series, and
   * names may come from clients: for logs with few streams, or with an authorize hook that bounds them. Default false.
   */
  readonly perStream?: boolean;
}

const OPTION_NAMES = { prefix: true, perStream: true } as const;

/**
 * Offers the numbers of a log to OpenTelemetry. They are read when metrics are collected, all at one moment; following and
 * publishing cost nothing more.
 *
 * Up-down counters: `follower.count` by transport, `history.event.count`, `history.size` (bytes), `stream.count`; counters:
 * `published.events`, `appended.events`, `delivered.items` and `delivered.io` (bytes) by transport, `gaps` by reason,
 * `follower.ended` by transport and reason. Attributes have the same prefix: `trunkline.push.transport`, `….reason`.
 *
 * @param meter `metrics.getMeter('your-program')` of `@opentelemetry/api`. To tell several logs apart give each its own meter
 * or prefix.
 * @returns Stops telling values; OpenTelemetry has no way to take instruments away.
 * @throws InvalidArgumentError for options that do not exist or cannot be.
 */
export function otelMetrics(log: MeasuredLog, meter: OTelMeter, options: OTelMetricsOptions = {}): MetricsRegistration {
  checkMeasuredLog('otelMetrics', log);
  checkMeter(meter);
  checkOptionNames('otelMetrics', options, OPTION_NAMES);
  const { prefix = 'trunkline.push.', perStream = false } = options;
  if (!/^[a-z][\w./-]*$/i.test(prefix)) {
    throw new InvalidArgumentError(
      `a prefix of OpenTelemetry metrics begins with a letter and has letters, digits, _ . - and / only, unlike ${prefix}`,
    );
  }
  const instruments = perStream ? [...INSTRUMENTS, PER_STREAM] : INSTRUMENTS;
  const observed = instruments.map((instrument) => ({ instrument, observable: create(meter, prefix, instrument) }));
  const observables = observed.map(({ observable }) => observable);
  const callback = (result: OTelBatchResult): void => {
    const snapshot = { stats: log.stats(), counts: () => log.counts() };
    for (const { instrument, observable } of observed) {
      for (const [labels, value] of instrument.read(snapshot)) {
        result.observe(observable, value, attributes(prefix, labels));
      }
    }
  };
  meter.addBatchObservableCallback(callback, observables);
  const unregister = (): void => meter.removeBatchObservableCallback(callback, observables);
  return Object.assign(unregister, { [Symbol.dispose]: unregister });
}

/** For programs without types. */
function checkMeter(meter: Partial<OTelMeter> | undefined): void {
  if (typeof meter?.createObservableCounter === 'function' && typeof meter.addBatchObservableCallback === 'function')
    return;
  throw new InvalidArgumentError("otelMetrics needs a meter: otelMetrics(log, metrics.getMeter('my-program'))");
}

function create(meter: OTelMeter, prefix: string, { otelName, kind, help, unit }: Instrument): OTelObservable {
  const options = { description: help, unit };
  return kind === 'sum'
    ? meter.createObservableCounter(prefix + otelName, options)
    : meter.createObservableUpDownCounter(prefix + otelName, options);
}

function attributes(prefix: string, labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [prefix + name, value]));
}
