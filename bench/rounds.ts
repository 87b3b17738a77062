import type { Run } from './cases.js';
import { nodePeer, type Program } from './programs.js';
import { runPair, type Sample, type Timing } from './run-pair.js';

/** Samples of each run by its name, one per round. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/**
 * Runs everything once per round, so that a case and its references meet the same state of the machine. Every other
 * round goes backwards, so that no run always comes first.
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
  for (let round = 0; round < rounds; round++) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) {
      told(round, run);
      const program = run.peer === 'node' ? nodePeer : goPeer;
      if (program === undefined) throw new Error(`${run.name} needs the Go peer`);
      const receiver = run.sender === 'client' ? 'server' : 'client';
      samples.get(run.name)?.push(await runPair(program, run.args, receiver, timing, signal));
    }
  }
  return samples;
}
