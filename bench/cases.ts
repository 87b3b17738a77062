const KIB = 1024;
const BULK = ['--case', 'bulk', '--size', String(64 * KIB)];
const SMALL = ['--case', 'small', '--size', '64'];
const OPEN_CLOSE = ['--case', 'openclose', '--streams', '32'];
/** The most that Node gets out of a socket: no Nagle, a large buffer, one system call per turn of the event loop. */
const TUNED = ['--no-delay', '--cork', '--high-water-mark', String(KIB * KIB)];

/** A pair of processes to run. */
export interface Run {
  readonly name: string;
  readonly peer: 'node' | 'go';
  /** Which end sends. */
  readonly sender: 'client' | 'server';
  /** The wire, then the rest of the peers' command line. */
  readonly args: readonly string[];
}

/** By what runs are compared: what passes per second, or per second of both processes' CPU time. */
export type Metric = 'rate' | 'cpu';

/** A row of the table of targets that Trunkline is built to. */
export interface Target {
  readonly id: string;
  readonly metric: Metric;
  /** The least ratio. */
  readonly ratio: number;
}

/** What a case is compared with. */
export interface Reference {
  readonly run: Run;
  readonly target?: Target;
}

/** Something of ours, and what to compare it with in the same rounds. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** What is counted. */
  readonly unit: 'bytes' | 'messages' | 'streams';
  readonly run: Run;
  readonly references: readonly Reference[];
}

function node(name: string, ...args: readonly string[]): Run {
  return { name, peer: 'node', sender: 'client', args };
}

function go(name: string, ...args: readonly string[]): Run {
  return { name, peer: 'go', sender: 'client', args };
}

/** The same with the server as sender. */
function down(run: Run): Run {
  return { ...run, name: `${run.name}, server to client`, sender: 'server', args: [...run.args, '--send', 'server'] };
}

function streams(count: number): readonly string[] {
  return ['--streams', String(count)];
}

const rawBulk = node('raw TCP', 'raw', ...BULK);
const rawBulkTuned = node('raw TCP, tuned', 'raw', ...BULK, ...TUNED);
const spdyBulk = node('SPDY bulk, 1 stream', 'spdy', ...BULK);
const goBulk = go('moby/spdystream, 1 stream', 'spdy', ...BULK);
const rawSmall = node('raw TCP small', 'raw', ...SMALL);
const rawSmallTuned = node('raw TCP small, tuned', 'raw', ...SMALL, ...TUNED);
const rawDown = down(rawBulk);
const webSocketDown = down(node('plain ws', 'websocket', ...BULK));
const spdyDown = down(spdyBulk);

/** Targets T6, T7 and T9. Near the limit of raw TCP, where the rate of one round says little, CPU decides. */
export const CASES: readonly Case[] = [
  {
    name: 'spdy-bulk-1',
    title: 'SPDY, 1 stream, 64 KiB writes',
    unit: 'bytes',
    run: spdyBulk,
    references: [
      { run: rawBulk, target: { id: 'T6', metric: 'cpu', ratio: 0.9 } },
      { run: rawBulkTuned },
      { run: goBulk, target: { id: 'T6', metric: 'cpu', ratio: 1.7 } },
    ],
  },
  {
    name: 'spdy-bulk-100',
    title: 'SPDY, 100 streams, 64 KiB writes',
    unit: 'bytes',
    run: node('SPDY bulk, 100 streams', 'spdy', ...BULK, ...streams(100)),
    references: [
      { run: rawBulk, target: { id: 'T6', metric: 'cpu', ratio: 0.9 } },
      { run: rawBulkTuned },
      {
        run: go('moby/spdystream, 100 streams', 'spdy', ...BULK, ...streams(100)),
        target: { id: 'T6', metric: 'cpu', ratio: 1.7 },
      },
    ],
  },
  {
    name: 'spdy-small-1',
    title: 'SPDY, 1 stream, 64 B messages',
    unit: 'messages',
    run: node('SPDY small, 1 stream', 'spdy', ...SMALL),
    references: [
      { run: rawSmall },
      { run: rawSmallTuned },
      { run: go('moby/spdystream small, 1 stream', 'spdy', ...SMALL) },
    ],
  },
  {
    name: 'spdy-small-100',
    title: 'SPDY, 100 streams in turn, 64 B messages',
    unit: 'messages',
    run: node('SPDY small, 100 streams', 'spdy', ...SMALL, ...streams(100)),
    references: [
      { run: rawSmall },
      { run: rawSmallTuned },
      { run: go('moby/spdystream small, 100 streams', 'spdy', ...SMALL, ...streams(100)) },
    ],
  },
  {
    name: 'spdy-open-close',
    title: 'SPDY: create, one byte each way, close; 32 at a time',
    unit: 'streams',
    run: node('SPDY open and close', 'spdy', ...OPEN_CLOSE),
    references: [
      { run: node('raw TCP connections', 'raw', ...OPEN_CLOSE) },
      {
        run: go('moby/spdystream open and close', 'spdy', ...OPEN_CLOSE),
        target: { id: 'T7', metric: 'rate', ratio: 5 },
      },
    ],
  },
  {
    name: 'exec-websocket',
    title: 'exec stdout over WebSocket v5, 64 KiB writes, our server to our client',
    unit: 'bytes',
    run: down(node('exec over WebSocket', 'exec-websocket', ...BULK)),
    references: [
      { run: webSocketDown, target: { id: 'T9', metric: 'cpu', ratio: 0.8 } },
      { run: rawDown },
      { run: down(goBulk) },
    ],
  },
  {
    name: 'exec-spdy',
    title: 'exec stdout over SPDY, 64 KiB writes, our server to our client',
    unit: 'bytes',
    run: down(node('exec over SPDY', 'exec-spdy', ...BULK)),
    references: [
      { run: spdyDown, target: { id: 'T9', metric: 'cpu', ratio: 0.8 } },
      { run: rawDown },
      { run: down(goBulk) },
    ],
  },
];
