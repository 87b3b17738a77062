import type { Comparison } from './compare.js';

const MEGA = 1e6;

/** A comparison as written by `--json`. */
export interface JsonResult {
  /** Case, metric and reference; unique. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What ours is compared with. */
  readonly reference: string;
  /** In the same unit as `value`. */
  readonly referenceValue: number;
  /** Ours ÷ the reference's: the median of the rounds' ratios. */
  readonly ratio: number;
  /** 95 % interval of `ratio`. */
  readonly interval: readonly [low: number, high: number];
  /** The least `ratio` asked for, or `null` where nothing is asked. */
  readonly target: number | null;
  readonly targetId: string | null;
  /** Which way `value` and `ratio` are better. */
  readonly better: 'higher';
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
  const what = of.unit === 'bytes' ? 'MB' : of.unit;
  return {
    name: `${of.name}/${metric}/${reference.run.name}`,
    value: value / scale,
    unit: metric === 'rate' ? `${what}/s` : `${what} per CPU second`,
    reference: reference.run.name,
    referenceValue: referenceValue / scale,
    ratio: ratio.value,
    interval: [ratio.low, ratio.high],
    target: target ?? null,
    targetId: target === undefined ? null : (reference.target?.id ?? null),
    better: 'higher',
    verdict,
    ok: verdict === 'met' ? true : verdict === 'missed' ? false : null,
  };
}
