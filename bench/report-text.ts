import { arch, cpus, loadavg, platform } from 'node:os';
import type { Case, Metric, Run } from './cases.js';
import { valueOf, type Comparison } from './compare.js';
import type { Samples } from './rounds.js';
import { median } from './statistics.js';

const RATIO_HEADS = ['compared with', 'rate', 'interval', 'CPU', 'interval', 'target', 'verdict'];
const VALUE_HEADS = ['run', 'rate', 'range', 'CPU, both ends'];

/** Says what the numbers were measured on. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const load = loadavg().map((value) => value.toFixed(2));
  return `Node ${process.version}, ${platform()} ${arch()}, ${processors.length} × ${model}, load ${load.join(' ')}`;
}

/** One case as two small tables: what each run gave, and ours against each reference. */
export function reportCase(of: Case, comparisons: readonly Comparison[], samples: Samples): string {
  const runs = [of.run, ...of.references.map(({ run }) => run)];
  const values = runs.map((run) => valueRow(of, run, samples));
  const ratios = of.references.map((reference) =>
    ratioRow(comparisons.filter((comparison) => comparison.reference === reference)),
  );
  return [`${of.name}: ${of.title}`, table([VALUE_HEADS, ...values]), '', table([RATIO_HEADS, ...ratios]), ''].join(
    '\n',
  );
}

function valueRow(of: Case, run: Run, samples: Samples): string[] {
  const values = (metric: Metric): number[] =>
    (samples.get(run.name) ?? []).map((sample) => valueOf(sample, of.unit, metric));
  const rates = values('rate');
  const perSecond = (value: number): string =>
    of.unit === 'bytes' ? (value / 1e6).toFixed(0) : Math.round(value).toLocaleString('en');
  const unit = of.unit === 'bytes' ? 'MB/s' : `${of.unit}/s`;
  const cpu = median(values('cpu'));
  return [
    run.name,
    `${perSecond(median(rates))} ${unit}`,
    `${perSecond(Math.min(...rates))}–${perSecond(Math.max(...rates))}`,
    of.unit === 'bytes' ? `${(1e9 / cpu).toFixed(2)} ns/B` : `${(1e6 / cpu).toPrecision(3)} µs each`,
  ];
}

function ratioRow(comparisons: readonly Comparison[]): string[] {
  const row = [comparisons[0]?.reference.run.name ?? ''];
  for (const { ratio } of comparisons) {
    row.push(ratio.value.toFixed(2), `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`);
  }
  const judged = comparisons.find(({ target }) => target !== undefined);
  if (judged === undefined) return [...row, '', ''];
  const { id } = judged.reference.target ?? { id: '' };
  return [...row, `${id}: ${judged.metric === 'cpu' ? 'CPU' : 'rate'} ≥ ${judged.target}`, judged.verdict];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
