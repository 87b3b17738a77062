import type { Case, Metric, Reference, Target } from './cases/types.js';
import type { Samples } from './rounds.js';
import type { Sample } from './run-pair.js';
import { estimate, median, type Estimate } from './statistics.js';

/** `undecided`: the interval of the ratio spans the target. `none`: there is no target. */
export type Verdict = 'met' | 'missed' | 'undecided' | 'none';

/** One case against one of its references, by one metric. */
export interface Comparison {
  readonly of: Case;
  readonly reference: Reference;
  readonly metric: Metric;
  /** Medians over the rounds, or the figure; `undefined` of a reference that cannot complete. */
  readonly value: number;
  readonly referenceValue: number | undefined;
  /** Median of the rounds' ratios, the way round in which above 1 means that ours is better. */
  readonly ratio: Estimate | undefined;
  readonly target: Target | undefined;
  readonly verdict: Verdict;
}

/** By what a case is compared. */
export function metricsOf({ metrics = ['rate', 'cpu'] }: Case): readonly Metric[] {
  return metrics;
}

/** Which way a metric is better. */
export function betterOf(metric: Metric): 'higher' | 'lower' {
  return metric === 'rate' || metric === 'cpu' || metric === 'peer-cpu' ? 'higher' : 'lower';
}

/** What a metric of a run is: units of the case per second, or per CPU second; milliseconds; bytes per client. */
export function valueOf(sample: Sample, unit: Case['unit'], metric: Metric): number {
  if (metric === 'p50' || metric === 'p99' || metric === 'memory') return sample[metric] ?? NaN;
  if (metric === 'peer-cpu') return sample.opsPerPeerCpuSecond ?? NaN;
  if (unit === 'bytes') return metric === 'rate' ? sample.bytesPerSecond : sample.bytesPerCpuSecond;
  return metric === 'rate' ? sample.opsPerSecond : sample.opsPerCpuSecond;
}

/** Compares a case with each reference, by each metric. */
export function compare(of: Case, samples: Samples): Comparison[] {
  return of.references.flatMap((reference) => {
    const { run } = reference;
    const metrics = run.kind === 'figure' ? [run.metric] : metricsOf(of);
    return metrics.map((metric) => compareBy(of, reference, metric, samples));
  });
}

function compareBy(of: Case, reference: Reference, metric: Metric, samples: Samples): Comparison {
  const values = (name: string): number[] | undefined =>
    samples.of.get(name)?.map((sample) => valueOf(sample, of.unit, metric));
  const ours = values(of.run.name) ?? [];
  const { run } = reference;
  const theirs = run.kind === 'figure' ? ours.map(() => run.value) : values(run.name);
  const ratio = theirs === undefined ? undefined : estimate(ours.map((value, i) => ratioOf(value, theirs[i], metric)));
  const target = reference.targets?.find((one) => one.metric === metric);
  return {
    of,
    reference,
    metric,
    value: median(ours),
    referenceValue: theirs === undefined ? undefined : median(theirs),
    ratio,
    target,
    verdict: verdictOf(ratio, target),
  };
}

function ratioOf(ours: number, theirs = NaN, metric: Metric): number {
  return betterOf(metric) === 'higher' ? ours / theirs : theirs / ours;
}

function verdictOf(ratio: Estimate | undefined, target: Target | undefined): Verdict {
  if (ratio === undefined || target === undefined) return 'none';
  if (ratio.low >= target.ratio) return 'met';
  return ratio.high < target.ratio ? 'missed' : 'undecided';
}
