import type { Case, Metric } from './cases/types.js';
import type { Comparison } from './compare.js';
import type { Estimate } from './statistics.js';

const NAMES: Readonly<Record<Metric, string>> = {
  rate: 'rate',
  cpu: 'CPU',
  'peer-cpu': 'CPU, receiver',
  p50: 'p50',
  p99: 'p99',
  memory: 'memory',
};

/** How a metric is called in reports. */
export function nameOf(metric: Metric): string {
  return NAMES[metric];
}

/** `0.85`, `12`. */
export function formatRatio(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

/** `0.80–0.91` */
export function formatInterval({ low, high }: Estimate): string {
  return `${formatRatio(low)}–${formatRatio(high)}`;
}

/** A value with its unit: `917 MB/s`, `1.61 ns/B`, `4.2 M messages/s`, `0.75 µs`, `130 µs`, `12.3 KB/client`. */
export function formatValue(value: number, unit: Case['unit'], metric: Metric): string {
  if (metric === 'memory') return `${(value / 1000).toFixed(1)} KB/client`;
  if (metric === 'p50' || metric === 'p99') return formatTime(value);
  if (unit === 'bytes')
    return metric === 'rate' ? `${(value / 1e6).toFixed(0)} MB/s` : `${(1e9 / value).toFixed(2)} ns/B`;
  return metric === 'rate' ? `${formatCount(value)} ${unit}/s` : `${(1e6 / value).toPrecision(3)} µs`;
}

function formatTime(milliseconds: number): string {
  if (milliseconds < 10) return `${(milliseconds * 1000).toFixed(0)} µs`;
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

function formatCount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` : value.toFixed(0);
}

/** What is asked of a ratio: `T1: CPU ≥ 0.85`. */
export function formatTarget({ target }: Comparison): string {
  return target === undefined ? '' : `${target.id}: ${nameOf(target.metric)} ≥ ${target.ratio}`;
}

/** The comparisons with each reference, in order. */
export function byReference(comparisons: readonly Comparison[]): Comparison[][] {
  const groups = new Map<Comparison['reference'], Comparison[]>();
  for (const one of comparisons) groups.set(one.reference, [...(groups.get(one.reference) ?? []), one]);
  return [...groups.values()];
}
