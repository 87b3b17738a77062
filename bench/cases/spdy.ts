import {
  BULK,
  OPEN_CLOSE,
  SMALL,
  against,
  go,
  node,
  rawBulk,
  rawBulkTuned,
  rawConnections,
  rawSmall,
  rawSmallTuned,
  streams,
} from './runs.js';
import type { Case, PairRun } from './types.js';

/** SPDY from client to server. */
export const spdyBulk: PairRun = node('SPDY bulk, 1 stream', 'spdy', ...BULK);
/** Go's SPDY from client to server. */
export const goSpdyBulk: PairRun = go('moby/spdystream, 1 stream', 'spdy', ...BULK);
const goSpdyBulk100 = go('moby/spdystream, 100 streams', 'spdy', ...BULK, ...streams(100));

/** Targets T6 and T7. Near the limit of raw TCP, where the rate of one round says little, CPU decides. */
export const SPDY_CASES: readonly Case[] = [
  {
    name: 'spdy-bulk-1',
    title: 'SPDY, 1 stream, 64 KiB writes',
    unit: 'bytes',
    run: spdyBulk,
    references: [against(rawBulk, ['T6', 'cpu', 0.9]), against(rawBulkTuned), against(goSpdyBulk, ['T6', 'cpu', 1.7])],
  },
  {
    name: 'spdy-bulk-100',
    title: 'SPDY, 100 streams, 64 KiB writes',
    unit: 'bytes',
    run: node('SPDY bulk, 100 streams', 'spdy', ...BULK, ...streams(100)),
    references: [
      against(rawBulk, ['T6', 'cpu', 0.9]),
      against(rawBulkTuned),
      against(goSpdyBulk100, ['T6', 'cpu', 1.7]),
    ],
  },
  {
    name: 'spdy-small-1',
    title: 'SPDY, 1 stream, 64 B messages',
    unit: 'messages',
    run: node('SPDY small, 1 stream', 'spdy', ...SMALL),
    references: [
      against(rawSmall),
      against(rawSmallTuned),
      against(go('moby/spdystream small, 1 stream', 'spdy', ...SMALL)),
    ],
  },
  {
    name: 'spdy-small-100',
    title: 'SPDY, 100 streams in turn, 64 B messages',
    unit: 'messages',
    run: node('SPDY small, 100 streams', 'spdy', ...SMALL, ...streams(100)),
    references: [
      against(rawSmall),
      against(rawSmallTuned),
      against(go('moby/spdystream small, 100 streams', 'spdy', ...SMALL, ...streams(100))),
    ],
  },
  {
    name: 'spdy-open-close',
    title: 'SPDY: create, one byte each way, close; 32 at a time',
    unit: 'streams',
    run: node('SPDY open and close', 'spdy', ...OPEN_CLOSE),
    references: [
      against(rawConnections),
      against(go('moby/spdystream open and close', 'spdy', ...OPEN_CLOSE), ['T7', 'rate', 5]),
    ],
  },
];
