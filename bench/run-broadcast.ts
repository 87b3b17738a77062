import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BroadcastRun } from './cases/types.js';
import { startChild, type Child } from './child.js';
import { addressesOf, numbersOf } from './peer-output.js';
import type { Program } from './programs.js';
import type { Sample, Timing } from './run-pair.js';

/** Milliseconds until pods have found one another, and more. */
const GRACE = 90_000;
/** A paced window has at least so many events. */
const MIN_EVENTS = 1000;
/** The least share of what was sent that must arrive in the window of a paced load; less is no such load any more. */
const MIN_ARRIVED = 0.5;

/** Runs a pod that publishes against others that follow. */
export async function runBroadcast(
  program: Program,
  run: BroadcastRun,
  timing: Timing,
  signal: AbortSignal,
): Promise<Sample> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(GRACE)]);
  const load = ['--size', String(run.size), '--in-flight', String(run.inFlight), '--interval', String(run.interval)];
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-bench-'));
  const env = { ...run.env, TMPDIR: directory };
  const start = (pods: number): Child =>
    startChild(program, [...run.args, '--pods', String(pods), ...load], env, limit);
  const children = [
    start(1),
    ...(run.together ? [start(run.peers)] : Array.from({ length: run.peers }, () => start(1))),
  ];
  try {
    const addresses = (await Promise.all(children.map(async (child) => addressesOf(await child.next())))).flat();
    await Promise.all(children.map(async (child) => await ask(child, `join ${addresses.join(',')}`)));
    return await measure(children, run, timing);
  } finally {
    await Promise.all(children.map(async (child) => await child.kill()));
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  [publisher, ...followers]: readonly Child[],
  run: BroadcastRun,
  timing: Timing,
): Promise<Sample> {
  if (publisher === undefined) throw new Error('there is nobody to publish');
  const window = Math.max(timing.window, MIN_EVENTS * run.interval);
  const times = `${timing.warmup ?? run.warmup} ${window}`;
  const heard = followers.map(async (child) => await ask(child, `follow ${times}`));
  const sent = numbersOf(await ask(publisher, `publish ${times}`), 'windowMs', 'ops', 'cpuUserMs', 'cpuSystemMs');
  const got = (await Promise.all(heard)).map((output) =>
    numbersOf(output, 'windowMs', 'ops', 'least', 'cpuUserMs', 'cpuSystemMs', 'p50Ms', 'p99Ms'),
  );
  const perPeer = run.counted === 'deliveries' ? run.peers : 1;
  // What all have got: the pod that got the fewest counts.
  const opsPerSecond = perPeer * Math.min(...got.map(({ least, windowMs }) => (least / windowMs) * 1000));
  const paced = run.interval > 0;
  if (!(opsPerSecond > 0) || (paced && opsPerSecond * sent.windowMs < MIN_ARRIVED * sent.ops * perPeer * 1000)) {
    throw new Error(`${opsPerSecond} of ${(sent.ops / sent.windowMs) * 1000} events arrived per second`);
  }
  const heardOps = got.reduce((sum, { ops }) => sum + ops, 0);
  return {
    bytesPerSecond: opsPerSecond * run.size,
    opsPerSecond,
    bytesPerCpuSecond: (sent.ops * perPeer * run.size) / cpuSeconds([sent]),
    opsPerCpuSecond: (sent.ops * perPeer) / cpuSeconds([sent]),
    opsPerPeerCpuSecond: heardOps / cpuSeconds(got),
    p50: Math.max(...got.map(({ p50Ms }) => p50Ms)),
    p99: Math.max(...got.map(({ p99Ms }) => p99Ms)),
    memory: undefined,
  };
}

function cpuSeconds(results: readonly { readonly cpuUserMs: number; readonly cpuSystemMs: number }[]): number {
  return results.reduce((sum, { cpuUserMs, cpuSystemMs }) => sum + cpuUserMs + cpuSystemMs, 0) / 1000;
}

async function ask(child: Child, command: string): Promise<unknown> {
  child.tell(command);
  return await child.next();
}
