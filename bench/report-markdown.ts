import type { Metric } from './cases/types.js';
import type { Comparison } from './compare.js';
import { byReference, formatInterval, formatRatio, formatTarget, formatValue, nameOf } from './format.js';

const TABLES: readonly (readonly Metric[])[] = [['rate', 'cpu'], ['peer-cpu'], ['p50', 'p99'], ['memory']];

/** Tables as they stand in docs/benchmarks.md: rate and CPU, then CPU of receivers, then times, then memory. */
export function toMarkdown(comparisons: readonly Comparison[]): string {
  return TABLES.map((metrics) => table(comparisons, metrics))
    .filter((text) => text !== '')
    .join('\n');
}

function table(comparisons: readonly Comparison[], metrics: readonly Metric[]): string {
  const chosen = comparisons.filter(({ metric }) => metrics.includes(metric));
  if (chosen.length === 0) return '';
  const rows = byReference(chosen).map((group) => row(group, metrics));
  const heads = metrics.map((metric) => `${nameOf(metric)} ratio`);
  const lines = [['Case', 'ours', 'compared with', 'theirs', ...heads, 'target', 'verdict'], ...rows];
  lines.splice(1, 0, lines[0]?.map(() => '---') ?? []);
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function row(comparisons: readonly Comparison[], metrics: readonly Metric[]): string[] {
  const judged = comparisons.filter(({ target }) => target !== undefined);
  return [
    `\`${comparisons[0]?.of.name}\``,
    comparisons.map((one) => formatValue(one.value, one.of.unit, one.metric)).join(', '),
    comparisons[0]?.reference.run.name ?? '',
    theirs(comparisons),
    ...metrics.map((metric) => ratioOf(comparisons.find((one) => one.metric === metric))),
    judged.map(formatTarget).join('; '),
    judged.map(({ verdict }) => verdict).join('; '),
  ];
}

function ratioOf(comparison: Comparison | undefined): string {
  const ratio = comparison?.ratio;
  return ratio === undefined ? '' : `${formatRatio(ratio.value)} (${formatInterval(ratio)})`;
}

function theirs(comparisons: readonly Comparison[]): string {
  const values = comparisons.flatMap(({ referenceValue, of, metric }) =>
    referenceValue === undefined ? [] : [formatValue(referenceValue, of.unit, metric)],
  );
  return values.length === 0 ? 'cannot complete' : values.join(', ');
}
