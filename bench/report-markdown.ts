import { metricsOf, type Comparison } from './compare.js';
import { byReference, formatInterval, formatRatio, formatTarget, formatValue } from './format.js';

/** Tables as they stand in docs/benchmarks.md: rate and CPU of all, then the round trip times. */
export function toMarkdown(comparisons: readonly Comparison[]): string {
  const trips = comparisons.filter(({ of }) => metricsOf(of).includes('p99'));
  const tables = [table(comparisons, ['rate', 'cpu'], ['rate ratio', 'CPU ratio'])];
  if (trips.length > 0) tables.push(table(trips, ['p50', 'p99'], ['p50 ratio', 'p99 ratio']));
  return tables.join('\n');
}

function table(
  comparisons: readonly Comparison[],
  metrics: readonly Comparison['metric'][],
  heads: readonly string[],
): string {
  const chosen = comparisons.filter(({ metric }) => metrics.includes(metric));
  const rows = byReference(chosen).map(row);
  const lines = [['Case', 'ours', 'compared with', 'theirs', ...heads, 'target', 'verdict'], ...rows];
  lines.splice(1, 0, lines[0]?.map(() => '---') ?? []);
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function row(comparisons: readonly Comparison[]): string[] {
  const judged = comparisons.filter(({ target }) => target !== undefined);
  return [
    `\`${comparisons[0]?.of.name}\``,
    comparisons.map((one) => formatValue(one.value, one.of.unit, one.metric)).join(', '),
    comparisons[0]?.reference.run.name ?? '',
    theirs(comparisons),
    ...comparisons.map(({ ratio }) =>
      ratio === undefined ? '' : `${formatRatio(ratio.value)} (${formatInterval(ratio)})`,
    ),
    judged.map(formatTarget).join('; '),
    judged.map(({ verdict }) => verdict).join('; '),
  ];
}

function theirs(comparisons: readonly Comparison[]): string {
  const values = comparisons.flatMap(({ referenceValue, of, metric }) =>
    referenceValue === undefined ? [] : [formatValue(referenceValue, of.unit, metric)],
  );
  return values.length === 0 ? 'cannot complete' : values.join(', ');
}
