import { betterOf, type Comparison } from './compare.js';

const MEGA = 1e6;

/** A comparison as written by `--json`. */
export interface JsonResult {
  /** Case, metric and reference; unique. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What ours is compared with. */
  readonly reference: string;
  /** In the same unit as `value`; `null` when the reference cannot complete the work, and so are ratio and interval. */
  readonly referenceValue: number | null;
  /** The median of the rounds' ratios: ours ÷ the reference's, or the reverse where lower is better. */
  readonly ratio: number | null;
  /** 95 % interval of `ratio`. */
  readonly interval: readonly [low: number, high: number] | null;
  /** The least `ratio` asked for, or `null` where nothing is asked. */
  readonly target: number | null;
  readonly targetId: string | null;
  /** Which way `value` is better. `ratio` is always better when higher. */
  readonly better: 'higher' | 'lower';
  readonly verdict: Comparison['verdict'];
  /** `null` when undecided or without target. */
  readonly ok: boolean | null;
}

/** Lays a comparison out for JSON. */
export function toJson({
  of,
  reference,
  metric,
  value,
  referenceValue,
  ratio,
  target,
  verdict,
}: Comparison): JsonResult {
  const scale = of.unit === 'bytes' ? MEGA : 1;
  return {
    name: `${of.name}/${metric}/${reference.run.name}`,
    value: value / scale,
    unit: unitOf(of.unit === 'bytes' ? 'MB' : of.unit, metric),
    reference: reference.run.name,
    referenceValue: referenceValue === undefined ? null : referenceValue / scale,
    ratio: ratio?.value ?? null,
    interval: ratio === undefined ? null : [ratio.low, ratio.high],
    target: target?.ratio ?? null,
    targetId: target?.id ?? null,
    better: betterOf(metric),
    verdict,
    ok: verdict === 'met' ? true : verdict === 'missed' ? false : null,
  };
}

function unitOf(what: string, metric: Comparison['metric']): string {
  if (metric === 'rate') return `${what}/s`;
  if (metric === 'memory') return 'bytes per client';
  return metric === 'cpu' || metric === 'peer-cpu' ? `${what} per CPU second` : 'ms';
}
