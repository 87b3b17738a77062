import {
  BULK,
  BULK_4K,
  LARGE_BUFFER,
  OPEN_CLOSE,
  PING_PONG,
  SMALL,
  TUNED,
  against,
  go,
  node,
  rawBulk,
  rawConnections,
  rawSmall,
  rawSmallTuned,
  streams,
} from './runs.js';
import type { Case, PairRun, Reference } from './types.js';

const LARGE_WINDOW = ['--stream-window', String(1024 * 1024)];

const rawLargeBuffer = node('raw TCP, 1 MiB buffer', 'raw', ...BULK, ...LARGE_BUFFER);

/** hashicorp's own implementation, with windows of 1 MiB. */
function goYamux(name: string, ...args: readonly string[]): PairRun {
  return go(`Go yamux ${name}`, 'yamux', ...LARGE_WINDOW, ...args);
}

/** With large windows and frames. */
function http2(name: string, ...args: readonly string[]): PairRun {
  return node(`node:http2 ${name}`, 'http2', ...LARGE_WINDOW, ...args);
}

/** Now and then stands still with 100 streams. */
function libp2p(name: string, ...args: readonly string[]): Reference {
  return against({ ...node(`libp2p yamux ${name}`, 'libp2p-yamux', ...args), fragile: true });
}

/** Known to lose data whenever a frame is cut. */
function yamuxJs(name: string, ...args: readonly string[]): Reference {
  return against({ ...node(`yamux-js ${name}`, 'yamux-js', ...args), fragile: true });
}

function bulk(count: number): Case {
  const args = [...BULK, ...streams(count)];
  const name = count === 1 ? '1 stream' : `${count} streams`;
  return {
    name: `yamux-bulk-${count}`,
    title: `yamux, ${name}, 64 KiB writes`,
    unit: 'bytes',
    run: node(`yamux bulk, ${name}`, 'yamux', ...args),
    references: [
      against(rawBulk, ['T1', 'cpu', 1]),
      against(rawLargeBuffer, ['T1', 'cpu', 0.85]),
      against(goYamux(`bulk, ${name}`, ...args), ['T1', 'cpu', 2]),
      against(go(`Go yamux bulk, ${name}, default window`, 'yamux', ...args)),
      against(http2(`bulk, ${name}`, ...args), ['T1', 'cpu', 2]),
      against(node(`node:http2 bulk, ${name}, default windows`, 'http2', ...args)),
      libp2p(`bulk, ${name}`, ...args),
      yamuxJs(`bulk, ${name}`, ...args),
    ],
  };
}

function small(count: number): Case {
  const args = [...SMALL, ...streams(count)];
  const name = count === 1 ? '1 stream' : `${count} streams`;
  return {
    name: `yamux-small-${count}`,
    title: `yamux, ${count === 1 ? name : `${name} in turn`}, 64 B messages`,
    unit: 'messages',
    run: node(`yamux small, ${name}`, 'yamux', ...args),
    references: [
      against(rawSmallTuned, ['T3', 'rate', 0.35]),
      against(rawSmall),
      against(goYamux(`small, ${name}`, ...args), ['T3', 'rate', 20]),
      against(http2(`small, ${name}`, ...args)),
      ...(count === 1 ? [against(node('plain ws small', 'websocket', ...args))] : []),
      libp2p(`small, ${name}`, ...args),
      yamuxJs(`small, ${name}`, ...args),
    ],
  };
}

/** Targets T1 to T5. Near the limit of raw TCP, where the rate of one round says little, CPU decides. */
export const YAMUX_CASES: readonly Case[] = [
  bulk(1),
  bulk(100),
  {
    name: 'yamux-bulk-4k',
    title: 'yamux, 1 stream, 4 KiB writes',
    unit: 'bytes',
    run: node('yamux bulk, 4 KiB writes', 'yamux', ...BULK_4K),
    references: [
      against(node('raw TCP, 4 KiB writes', 'raw', ...BULK_4K), ['T2', 'rate', 2.5]),
      against(node('raw TCP, 4 KiB writes, tuned', 'raw', ...BULK_4K, ...TUNED)),
      against(goYamux('bulk, 4 KiB writes', ...BULK_4K)),
      against(http2('bulk, 4 KiB writes', ...BULK_4K)),
    ],
  },
  small(1),
  small(100),
  {
    name: 'yamux-ping-pong',
    title: 'yamux, 1 stream, 64 B there and back, one at a time',
    unit: 'round trips',
    metrics: ['rate', 'cpu', 'p50', 'p99'],
    run: node('yamux ping-pong', 'yamux', ...PING_PONG),
    references: [
      against(node('raw TCP ping-pong', 'raw', ...PING_PONG), ['T4', 'rate', 0.8]),
      against(http2('ping-pong', ...PING_PONG), ['T4', 'rate', 0.95], ['T4', 'p99', 1]),
      against(goYamux('ping-pong', ...PING_PONG)),
      against(node('plain ws ping-pong', 'websocket', ...PING_PONG)),
      libp2p('ping-pong', ...PING_PONG),
      yamuxJs('ping-pong', ...PING_PONG),
    ],
  },
  {
    name: 'yamux-open-close',
    title: 'yamux: open with headers, one byte each way, close; 32 at a time',
    unit: 'streams',
    run: node('yamux open and close', 'yamux', ...OPEN_CLOSE),
    references: [
      against(http2('open and close', ...OPEN_CLOSE), ['T5', 'rate', 10]),
      against(rawConnections, ['T5', 'rate', 12]),
      against(goYamux('open and close', ...OPEN_CLOSE)),
      libp2p('open and close', ...OPEN_CLOSE),
      yamuxJs('open and close', ...OPEN_CLOSE),
    ],
  },
];
