import { arch, cpus, loadavg, platform } from 'node:os';
import type { Case, Figure, Metric, Run } from './cases/types.js';
import { metricsOf, valueOf, type Comparison } from './compare.js';
import { byReference, formatInterval, formatRatio, formatTarget, formatValue, nameOf } from './format.js';
import type { Samples } from './rounds.js';
import { median } from './statistics.js';

/** Says what the numbers were measured on. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const load = loadavg().map((value) => value.toFixed(2));
  return `Node ${process.version}, ${platform()} ${arch()}, ${processors.length} × ${model}, load ${load.join(' ')}`;
}

/** One case as two small tables: what each run gave, and ours against each reference. */
export function reportCase(of: Case, comparisons: readonly Comparison[], samples: Samples): string {
  const metrics = metricsOf(of);
  const runs = [of.run, ...of.references.map(({ run }) => run)];
  const values = runs.map((run) => [run.name, ...valueCells(of, run, samples)]);
  const [first = '', ...others] = metrics.map((metric) => headOf(of, metric));
  const valueHeads = ['run', first, 'range', ...others];
  const ratioHeads = ['compared with', ...metrics.flatMap((metric) => [nameOf(metric), 'interval']), 'target, verdict'];
  return [
    `${of.name}: ${of.title}`,
    table([valueHeads, ...values]),
    '',
    table([ratioHeads, ...byReference(comparisons).map((group) => ratioCells(metrics, group))]),
    '',
  ].join('\n');
}

/** All that has a target, with its verdict. */
export function reportTargets(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((one) =>
    one.target === undefined || one.ratio === undefined
      ? []
      : [[formatTarget(one), one.of.name, one.reference.run.name, ...ratioAndInterval(one), one.verdict]],
  );
  if (rows.length === 0) return '';
  rows.sort(([a = ''], [b = '']) => a.localeCompare(b, 'en', { numeric: true }));
  return `targets\n${table([['target', 'case', 'compared with', 'ratio', 'interval', 'verdict'], ...rows])}\n`;
}

function headOf({ run }: Case, metric: Metric): string {
  if (metric !== 'cpu') return nameOf(metric);
  if (run.kind === 'broadcast') return 'CPU, publisher';
  return run.kind === 'pair' ? 'CPU, both ends' : 'CPU, server';
}

function valueCells(of: Case, run: Run | Figure, samples: Samples): string[] {
  const metrics = metricsOf(of);
  if (run.kind === 'figure')
    return metrics.map((metric) => (metric === run.metric ? formatValue(run.value, of.unit, metric) : ''));
  const failure = samples.failed.get(run.name);
  if (failure !== undefined) return ['cannot complete'];
  const values = (metric: Metric): number[] =>
    (samples.of.get(run.name) ?? []).map((sample) => valueOf(sample, of.unit, metric));
  const [first = '', ...others] = metrics.map((metric) => formatValue(median(values(metric)), of.unit, metric));
  return [first, range(values(metrics[0] ?? 'rate'), of, metrics[0] ?? 'rate'), ...others];
}

/** The least first, as it is shown: CPU is compared by what passes per second of it, and shown as time. */
function range(values: readonly number[], { unit }: Case, metric: Metric): string {
  const ends = [Math.min(...values), Math.max(...values)].map((value) => formatValue(value, unit, metric));
  return (metric === 'cpu' ? ends.toReversed() : ends).join(' – ');
}

function ratioCells(metrics: readonly Metric[], comparisons: readonly Comparison[]): string[] {
  const verdicts = comparisons
    .filter(({ target }) => target !== undefined)
    .map((one) => `${formatTarget(one)} ${one.verdict}`);
  return [
    comparisons[0]?.reference.run.name ?? '',
    ...metrics.flatMap((metric) => ratioAndInterval(comparisons.find((one) => one.metric === metric))),
    verdicts.join('; '),
  ];
}

function ratioAndInterval(comparison: Comparison | undefined): string[] {
  const ratio = comparison?.ratio;
  return ratio === undefined ? ['', ''] : [formatRatio(ratio.value), formatInterval(ratio)];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
