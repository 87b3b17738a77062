import type { Case, Metric, Reference } from './cases.js';
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
  /** Medians over the rounds. */
  readonly value: number;
  readonly referenceValue: number;
  /** Median of the rounds' ratios of ours to the reference's; above 1, ours is better. */
  readonly ratio: Estimate;
  readonly target: number | undefined;
  readonly verdict: Verdict;
}

/** What a metric of a run is, in units of the case per second, or per CPU second. */
export function valueOf(sample: Sample, unit: Case['unit'], metric: Metric): number {
  if (unit === 'bytes') return metric === 'rate' ? sample.bytesPerSecond : sample.bytesPerCpuSecond;
  return metric === 'rate' ? sample.opsPerSecond : sample.opsPerCpuSecond;
}

/** Compares a case with each reference, by rate and by CPU. */
export function compare(of: Case, samples: Samples): Comparison[] {
  return of.references.flatMap((reference) =>
    (['rate', 'cpu'] as const).map((metric) => compareBy(of, reference, metric, samples)),
  );
}

function compareBy(of: Case, reference: Reference, metric: Metric, samples: Samples): Comparison {
  const values = (name: string): number[] =>
    (samples.get(name) ?? []).map((sample) => valueOf(sample, of.unit, metric));
  const ours = values(of.run.name);
  const theirs = values(reference.run.name);
  const ratio = estimate(ours.map((value, round) => value / (theirs[round] ?? NaN)));
  const target = reference.target?.metric === metric ? reference.target.ratio : undefined;
  return {
    of,
    reference,
    metric,
    value: median(ours),
    referenceValue: median(theirs),
    ratio,
    target,
    verdict: verdictOf(ratio, target),
  };
}

function verdictOf({ low, high }: Estimate, target: number | undefined): Verdict {
  if (target === undefined) return 'none';
  if (low >= target) return 'met';
  return high < target ? 'missed' : 'undecided';
}
