import type { Run } from './cases/types.js';
import { nodePeer, type Program } from './programs.js';
import { runPair, type Sample, type Timing } from './run-pair.js';

/** What the runs gave, by name. */
export interface Samples {
  /** One per round. */
  readonly of: ReadonlyMap<string, readonly Sample[]>;
  /** Why a fragile run has none. */
  readonly failed: ReadonlyMap<string, string>;
}

/**
 * Runs everything once per round, so that a case and its references meet the same state of the machine. Every other
 * round goes backwards, so that no run always comes first. A fragile run that fails twice in a row is left out from then
 * on.
 *
 * @param told hears what is about to run.
 */
export async function runRounds(
  runs: readonly Run[],
  rounds: number,
  timing: Timing,
  goPeer: Program | undefined,
  told: (round: number, run: Run) => void,
  signal: AbortSignal,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(runs.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) {
      if (failed.has(run.name)) continue;
      told(round, run);
      const program = run.peer === 'node' ? nodePeer : goPeer;
      if (program === undefined) throw new Error(`${run.name} needs the Go peer`);
      try {
        samples.get(run.name)?.push(await runOnce(program, run, timing, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (run.fragile !== true) throw new Error(`${run.name} failed`, { cause: error });
        failed.set(run.name, error instanceof Error ? error.message : String(error));
        samples.delete(run.name);
      }
    }
  }
  return { of: samples, failed };
}

/** A fragile run has a second try. */
async function runOnce(program: Program, run: Run, timing: Timing, signal: AbortSignal): Promise<Sample> {
  try {
    return await runPair(program, run, timing, signal);
  } catch (error) {
    if (run.fragile !== true || signal.aborted) throw error;
    return await runPair(program, run, timing, signal);
  }
}
