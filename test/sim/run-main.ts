// Walks by hand: `nice node .build/test/sim/run-main.js FROM TO [PART OF A NAME]` runs the seeds FROM to TO, each with the
// kind of walk that its turn falls to, and prints those that fail. Replay one with SIM_SEED=n in walks.test.js.
import { HARSH_WALKS, WALKS, type WalkKind } from './shapes.js';
import { walk } from './walk.js';

const [from = '1', to = '1000', part = ''] = process.argv.slice(2);
const turns: WalkKind[] = [...WALKS, ...HARSH_WALKS]
  .filter(({ name }) => name.includes(part))
  .flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
let failures = 0;
let events = 0;
for (let seed = Number(from); seed <= Number(to); seed++) {
  const kind = turns[seed % turns.length];
  if (kind === undefined) break;
  try {
    const world = walk(seed, kind.shape);
    world.check();
    world.end();
    events += world.published.length;
  } catch (error) {
    failures += 1;
    console.log(`seed ${seed} of '${kind.name}': ${String(error).slice(0, 600)}`);
  }
}
console.log(`seeds ${from} to ${to}: ${events} events, ${failures} failures`);
if (failures > 0) process.exitCode = 1;
