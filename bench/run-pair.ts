import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from './cases/types.js';
import type { PeerResult } from './peer/tally.js';
import { startChild } from './child.js';
import type { Program } from './programs.js';

/** What one run gave, of both processes together. More is better, unless it says otherwise. */
export interface Sample {
  /** Bytes that arrived per second. */
  readonly bytesPerSecond: number;
  /** Messages or exchanges per second. */
  readonly opsPerSecond: number;
  /** Bytes per second of CPU time, user and system, of both processes. */
  readonly bytesPerCpuSecond: number;
  readonly opsPerCpuSecond: number;
  /** Milliseconds of a round trip, where there are any: less is better. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
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
  { args: [wire = '', ...args], env, sender, fragile, warmup: usual }: Run,
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
function combine(server: PeerResult, client: PeerResult, sender: Run['sender']): Sample {
  const { windowMs, bytes, ops } = sender === 'client' ? server : client;
  if (bytes === 0) throw new Error('nothing arrived in the window');
  const cpuSeconds = (by: 'bytes' | 'ops'): number =>
    [server, client].reduce((sum, end) => sum + (end.cpuUserMs + end.cpuSystemMs) / 1000 / end[by], 0);
  return {
    bytesPerSecond: (bytes / windowMs) * 1000,
    opsPerSecond: (ops / windowMs) * 1000,
    bytesPerCpuSecond: 1 / cpuSeconds('bytes'),
    opsPerCpuSecond: 1 / cpuSeconds('ops'),
    p50: client.p50Ms,
    p99: client.p99Ms,
  };
}

function addressOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'addr' in value && typeof value.addr === 'string') {
    return value.addr;
  }
  throw new Error(`the server printed ${JSON.stringify(value)} and no address`);
}

function resultOf(value: unknown): PeerResult {
  const numbers = ['windowMs', 'bytes', 'ops', 'cpuUserMs', 'cpuSystemMs'];
  const fields = new Map(Object.entries(Object(value)));
  if (numbers.some((name) => typeof fields.get(name) !== 'number') || fields.get('complete') === false) {
    throw new Error(`a peer printed ${JSON.stringify(value)} and no result`);
  }
  return value as PeerResult;
}
