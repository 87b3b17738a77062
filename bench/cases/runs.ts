import type { Metric, PairRun, Reference, Target } from './types.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** Until buffers and windows have grown. */
const BULK_WARMUP = 400;
/** Until V8 has compiled all that a message or a stream needs. */
const MESSAGE_WARMUP = 1500;

/** One writer per stream, 64 KiB a write. */
export const BULK: readonly string[] = ['--case', 'bulk', '--size', String(64 * KIB)];
/** The same with 4 KiB a write. */
export const BULK_4K: readonly string[] = ['--case', 'bulk', '--size', String(4 * KIB)];
/** One writer that writes 64 bytes to one stream after the other. */
export const SMALL: readonly string[] = ['--case', 'small', '--size', '64'];
/** 64 bytes there and back, one at a time. */
export const PING_PONG: readonly string[] = ['--case', 'pingpong', '--size', '64'];
/** Open, a byte each way, close; 32 at a time. */
export const OPEN_CLOSE: readonly string[] = ['--case', 'openclose', '--streams', '32'];

/** A buffer of 1 MiB on raw sockets. */
export const LARGE_BUFFER: readonly string[] = ['--high-water-mark', String(MIB)];
/** The most that Node gets out of a socket: no Nagle, a large buffer, one system call per turn of the event loop. */
export const TUNED: readonly string[] = ['--no-delay', '--cork', ...LARGE_BUFFER];

/** So many streams at once. */
export function streams(count: number): readonly string[] {
  return count === 1 ? [] : ['--streams', String(count)];
}

/** Two processes of Node; the client sends. */
export function node(name: string, ...args: readonly string[]): PairRun {
  return { kind: 'pair', name, peer: 'node', sender: 'client', args, warmup: warmupOf(args) };
}

/** Two processes of Go; the client sends. */
export function go(name: string, ...args: readonly string[]): PairRun {
  return { kind: 'pair', name, peer: 'go', sender: 'client', args, warmup: warmupOf(args) };
}

function warmupOf(args: readonly string[]): number {
  return args.includes('bulk') ? BULK_WARMUP : MESSAGE_WARMUP;
}

/** The same with the server as sender. */
export function down(run: PairRun): PairRun {
  return { ...run, name: `${run.name}, server to client`, sender: 'server', args: [...run.args, '--send', 'server'] };
}

/** A reference with what is asked of the ratio to it, each as target, metric and least ratio. */
export function against(
  run: Reference['run'],
  ...targets: readonly (readonly [id: string, metric: Metric, ratio: number])[]
): Reference {
  return targets.length === 0 ? { run } : { run, targets: targets.map(toTarget) };
}

function toTarget([id, metric, ratio]: readonly [id: string, metric: Metric, ratio: number]): Target {
  return { id, metric, ratio };
}

/** Raw TCP, with Node's settings as they are. */
export const rawBulk: PairRun = node('raw TCP', 'raw', ...BULK);
/** Raw TCP, all that Node gets out of it. */
export const rawBulkTuned: PairRun = node('raw TCP, tuned', 'raw', ...BULK, ...TUNED);
/** Raw TCP with 64 byte messages. */
export const rawSmall: PairRun = node('raw TCP small', 'raw', ...SMALL);
/** The same, corked. */
export const rawSmallTuned: PairRun = node('raw TCP small, corked', 'raw', ...SMALL, ...TUNED);
/** A new connection for each exchange. */
export const rawConnections: PairRun = node('raw TCP connections', 'raw', ...OPEN_CLOSE);
/** Raw TCP from server to client. */
export const rawDown: PairRun = down(rawBulk);
/** `ws` alone, a message per write. */
export const webSocketBulk: PairRun = node('plain ws', 'websocket', ...BULK);
