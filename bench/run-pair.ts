import { setTimeout as sleep } from 'node:timers/promises';
import type { PairRun } from './cases/types.js';
import { startChild } from './child.js';
import { addressOf, numbersOf } from './peer-output.js';
import type { PeerResult } from './peer/tally.js';
import type { Program } from './programs.js';

/**
 * What one run gave: CPU time is that of both processes, or of the server alone with many clients, or of the pod that
 * publishes. More is better, unless it says otherwise.
 */
export interface Sample {
  /** Bytes that arrived per second. */
  readonly bytesPerSecond: number;
  /** Messages or exchanges per second. */
  readonly opsPerSecond: number;
  /** Bytes per second of CPU time, user and system. */
  readonly bytesPerCpuSecond: number;
  readonly opsPerCpuSecond: number;
  /** Of a pod that follows, where there are any. */
  readonly opsPerPeerCpuSecond: number | undefined;
  /** Milliseconds of a round trip or a delivery, where there are any: less is better. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Resident bytes of the server per idle client, where that was measured: less is better. */
  readonly memory: number | undefined;
}

/** How long a run is. */
export interface Timing {
  /** Milliseconds before the window; `undefined` for what the run asks for. */
  readonly warmup: number | undefined;
  /** Milliseconds that are measured. */
  readonly window: number;
}

const GRACE = 20_000;
/** For what is known to stall. */
const SHORT_GRACE = 2000;
const TAIL = 50;

/** Runs a server and a client against one another. */
export async function runPair(
  program: Program,
  { args: [wire = '', ...args], env, sender, fragile, warmup: usual }: PairRun,
  { warmup = usual, window }: Timing,
  signal: AbortSignal,
): Promise<Sample> {
  const timing = ['--warmup', String(warmup), '--window', String(window)];
  const limit = AbortSignal.any([
    signal,
    AbortSignal.timeout(warmup + window + (fragile === true ? SHORT_GRACE : GRACE)),
  ]);
  const server = startChild(program, [wire, 'server', ...args, ...timing], env, limit);
  try {
    const address = addressOf(await server.next());
    const client = startChild(program, [wire, 'client', '--addr', address, ...args, ...timing], env, limit);
    try {
      const atClient = resultOf(await client.next());
      // The server's window began before the client's, but its timers may have run late.
      await sleep(TAIL);
      server.endInput();
      const atServer = resultOf(await server.next());
      return combine(atServer, atClient, sender);
    } finally {
      await client.kill();
    }
  } finally {
    await server.kill();
  }
}

/** Each end's CPU goes with its own count: the two windows begin some milliseconds apart. */
function combine(server: PeerResult, client: PeerResult, sender: PairRun['sender']): Sample {
  const { windowMs, bytes, ops } = sender === 'client' ? server : client;
  if (bytes === 0) throw new Error('nothing arrived in the window');
  const cpuSeconds = (by: 'bytes' | 'ops'): number =>
    [server, client].reduce((sum, end) => sum + (end.cpuUserMs + end.cpuSystemMs) / 1000 / end[by], 0);
  return {
    bytesPerSecond: (bytes / windowMs) * 1000,
    opsPerSecond: (ops / windowMs) * 1000,
    bytesPerCpuSecond: 1 / cpuSeconds('bytes'),
    opsPerCpuSecond: 1 / cpuSeconds('ops'),
    opsPerPeerCpuSecond: undefined,
    p50: client.p50Ms,
    p99: client.p99Ms,
    memory: undefined,
  };
}

function resultOf(value: unknown): PeerResult {
  return numbersOf(value, 'windowMs', 'bytes', 'ops', 'cpuUserMs', 'cpuSystemMs');
}
