// `npm run bench`: measures Trunkline against raw sockets and what others made. See docs/benchmarks.md.
import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { compare } from './compare.js';
import { USAGE, parseBenchOptions, type BenchOptions } from './options.js';
import { programsFor } from './programs.js';
import { Progress } from './progress.js';
import { toJson } from './report-json.js';
import { toMarkdown } from './report-markdown.js';
import { describeMachine, reportCase, reportTargets } from './report-text.js';
import { runRounds } from './rounds.js';
import { runsOf, selectCases } from './selection.js';

async function bench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const cases = selectCases(options);
  const runs = runsOf(cases);
  const programs = await programsFor(runs, signal);
  console.log(`${describeMachine()}\n${options.rounds} rounds, windows of ${options.window} ms\n`);
  const progress = new Progress(options.rounds, runs.length);
  const samples = await runRounds(runs, options.rounds, options, programs, progress.show, signal).finally(() =>
    progress.done(),
  );
  const comparisons = cases.map((one) => compare(one, samples));
  for (const [index, one] of cases.entries()) console.log(reportCase(one, comparisons[index] ?? [], samples));
  console.log(reportTargets(comparisons.flat()));
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(comparisons.flat().map(toJson), undefined, 2)}\n`);
  }
  if (options.markdown !== undefined) await writeFile(options.markdown, toMarkdown(comparisons.flat()));
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${explain(error.cause)}`;
}

const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    process.exitCode = 128 + constants.signals[name];
    abort.abort(new Error(`stopped by ${name}`));
  });
}
try {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await bench(options, abort.signal);
} catch (error) {
  console.error(explain(error));
  process.exitCode ??= 1;
}
