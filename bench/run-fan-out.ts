import { setTimeout as sleep } from 'node:timers/promises';
import type { FanOutRun } from './cases/types.js';
import { startChild, type Child } from './child.js';
import { addressOf, numbersOf } from './peer-output.js';
import type { Program } from './programs.js';
import type { Sample, Timing } from './run-pair.js';

/** The idle clients between which the memory of the server is compared: the first of them pay for what all share. */
const IDLE_BASE = 1000;
/** Milliseconds after which connections are at rest. */
const REST = 300;
/** Milliseconds after which a saturated server has sent what was waiting. */
const SETTLE = 500;
/** A paced window has at least so many events. */
const MIN_EVENTS = 8;
const GRACE = 40_000;
/** The least share of what was sent that must arrive in the window of a paced load; less is no such load any more. */
const MIN_ARRIVED = 0.5;

/** Runs a server against a process with many clients. */
export async function runFanOut(
  server: Program,
  client: Program,
  run: FanOutRun,
  timing: Timing,
  signal: AbortSignal,
): Promise<Sample> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(GRACE)]);
  const atServer = startChild(server, [...run.args, '--interval', String(run.interval)], run.env, limit);
  try {
    const args = ['--addr', addressOf(await atServer.next()), '--protocol', run.protocol];
    const atClient = startChild(client, args, run.env, limit);
    try {
      return run.load === 'idle'
        ? await measureMemory(atServer, atClient, run)
        : await measureDeliveries(atServer, atClient, run, timing);
    } finally {
      await atClient.kill();
    }
  } finally {
    await atServer.kill();
  }
}

async function measureMemory(server: Child, client: Child, { clients }: FanOutRun): Promise<Sample> {
  const residentWith = async (more: number): Promise<number> => {
    await ask(client, `connect ${more}`);
    await sleep(REST);
    return numbersOf(await ask(server, 'memory'), 'rss').rss;
  };
  const before = await residentWith(IDLE_BASE);
  const after = await residentWith(clients - IDLE_BASE);
  return { ...NOTHING, memory: (after - before) / (clients - IDLE_BASE) };
}

const NOTHING: Sample = {
  bytesPerSecond: NaN,
  opsPerSecond: NaN,
  bytesPerCpuSecond: NaN,
  opsPerCpuSecond: NaN,
  opsPerPeerCpuSecond: undefined,
  p50: undefined,
  p99: undefined,
  memory: undefined,
};

async function measureDeliveries(server: Child, client: Child, run: FanOutRun, timing: Timing): Promise<Sample> {
  const warmup = timing.warmup ?? run.warmup;
  const settle = run.load === 'paced' ? SETTLE : 0;
  const window = Math.max(timing.window, MIN_EVENTS * run.interval);
  await ask(client, `connect ${run.clients}`);
  if (run.stalled > 0) await ask(client, `stall ${run.stalled}`);
  await sleep(REST);
  const outputs = await Promise.all([
    ask(server, `broadcast ${warmup} ${settle} ${window}`),
    ask(client, `measure ${warmup + settle} ${window}`),
  ]);
  const sent = numbersOf(outputs[0], 'windowMs', 'ops', 'cpuUserMs', 'cpuSystemMs');
  const received = numbersOf(outputs[1], 'windowMs', 'ops', 'bytes', 'p50Ms', 'p99Ms');
  if (received.ops < (run.load === 'paced' ? MIN_ARRIVED * sent.ops : 1)) {
    throw new Error(`${received.ops} of ${sent.ops} events arrived`);
  }
  const opsPerSecond = (received.ops / received.windowMs) * 1000;
  // What a saturated server has sent may still wait in queues of its own. A paced window always holds the same events.
  const delivered = run.load === 'paced' ? sent.ops : (opsPerSecond * sent.windowMs) / 1000;
  const opsPerCpuSecond = (delivered / (sent.cpuUserMs + sent.cpuSystemMs)) * 1000;
  const bytesPerOp = received.bytes / received.ops;
  return {
    bytesPerSecond: opsPerSecond * bytesPerOp,
    opsPerSecond,
    bytesPerCpuSecond: opsPerCpuSecond * bytesPerOp,
    opsPerCpuSecond,
    opsPerPeerCpuSecond: undefined,
    p50: received.p50Ms,
    p99: received.p99Ms,
    memory: undefined,
  };
}

async function ask(child: Child, command: string): Promise<unknown> {
  child.tell(command);
  return await child.next();
}
