import type { Run } from './cases/types.js';
import type { Program, Programs } from './programs.js';
import { runBroadcast } from './run-broadcast.js';
import { runFanOut } from './run-fan-out.js';
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
  programs: Programs,
  told: (round: number, run: Run) => void,
  signal: AbortSignal,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(runs.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) {
      if (failed.has(run.name)) continue;
      told(round, run);
      try {
        samples.get(run.name)?.push(await runOnce(programs, run, timing, signal));
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
async function runOnce(programs: Programs, run: Run, timing: Timing, signal: AbortSignal): Promise<Sample> {
  const attempt = async (): Promise<Sample> => {
    switch (run.kind) {
      case 'pair':
        return await runPair(built(programs.pair[run.peer]), run, timing, signal);
      case 'fan-out':
        return await runFanOut(built(programs.fanOut[run.peer]), built(programs.clients), run, timing, signal);
      case 'broadcast':
        return await runBroadcast(built(programs.broadcast[run.peer]), run, timing, signal);
    }
  };
  try {
    return await attempt();
  } catch (error) {
    if (run.fragile !== true || signal.aborted) throw error;
    return await attempt();
  }
}

function built(program: Program | undefined): Program {
  if (program === undefined) throw new Error('its program was not built');
  return program;
}
