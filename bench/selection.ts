import { CASES } from './cases/index.js';
import type { Case, Reference, Run } from './cases/types.js';
import type { BenchOptions } from './options.js';

/**
 * Cases whose name, title or target matches `only`, a regular expression without regard to case; all without one.
 *
 * @throws Error when none matches, naming those that exist.
 */
export function selectCases({ only, go, targets }: Pick<BenchOptions, 'only' | 'go' | 'targets'>): Case[] {
  const expression = new RegExp(only ?? '', 'i');
  const chosen = CASES.filter((one) => [one.name, one.title, ...targetsOf(one)].some((text) => expression.test(text)));
  if (chosen.length === 0) {
    throw new Error(`no case matches ${only}; there are ${CASES.map(({ name }) => name).join(', ')}`);
  }
  const wanted = ({ run, targets: asked }: Reference): boolean =>
    (go || run.kind === 'figure' || run.peer !== 'go') && (!targets || asked !== undefined);
  return chosen.map((one) => ({ ...one, references: one.references.filter(wanted) }));
}

function targetsOf({ references }: Case): string[] {
  return references.flatMap(({ targets = [] }) => targets.map(({ id }) => id));
}

/** What has to be run for these cases, each once, with references beside their cases. */
export function runsOf(cases: readonly Case[]): Run[] {
  const runs = new Map<string, Run>();
  for (const { run, references } of cases) {
    for (const one of [run, ...references.map((reference) => reference.run)]) {
      if (one.kind !== 'figure') runs.set(one.name, one);
    }
  }
  return [...runs.values()];
}
