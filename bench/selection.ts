import { CASES, type Case, type Run } from './cases.js';

/**
 * Cases whose name or title matches the pattern, a regular expression without regard to case; all without one.
 *
 * @throws Error when none matches, naming those that exist.
 */
export function selectCases(pattern: string | undefined, withGo: boolean): Case[] {
  const expression = new RegExp(pattern ?? '', 'i');
  const chosen = CASES.filter(({ name, title }) => expression.test(name) || expression.test(title));
  if (chosen.length === 0) {
    throw new Error(`no case matches ${pattern}; there are ${CASES.map(({ name }) => name).join(', ')}`);
  }
  if (withGo) return chosen;
  return chosen.map((one) => ({ ...one, references: one.references.filter(({ run }) => run.peer !== 'go') }));
}

/** What has to be run for these cases, each once, with references beside their cases. */
export function runsOf(cases: readonly Case[]): Run[] {
  const runs = new Map<string, Run>();
  for (const { run, references } of cases) {
    for (const one of [run, ...references.map((reference) => reference.run)]) runs.set(one.name, one);
  }
  return [...runs.values()];
}
