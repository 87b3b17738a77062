import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import { duplexPair } from '../../src/testing/index.js';
import {
  newYamuxClientConnection,
  newYamuxServerConnection,
  type YamuxConnectionOptions,
} from '../../src/yamux/index.js';
import { describeFrames } from './yamux-frames.js';

/** One end of yamux, and the bare other end, for tests that speak frames. */
export interface RawPeer {
  readonly connection: Connection;
  readonly peer: Duplex;
  /** All whole frames sent so far, as text. */
  frames(): string[];
}

/** Our end, plain unless the options say otherwise, and never pinging unless they say so. */
export function rawPeer(
  role: 'client' | 'server',
  handler: NewStreamHandler,
  options: YamuxConnectionOptions = {},
): RawPeer {
  const [peer, ours] = duplexPair({ highWaterMark: 4 * 1024 * 1024 });
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  peer.on('error', () => {});
  peer.on('end', () => peer.end());
  const settings = { headers: false, pingPeriod: 0, ...options };
  const connection =
    role === 'server'
      ? newYamuxServerConnection(ours, handler, settings)
      : newYamuxClientConnection(ours, { ...settings, newStreamHandler: handler });
  return { connection, peer, frames: () => describeFrames(wholeFrames(Buffer.concat(chunks))) };
}

/** Waits, turn by turn, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

/** Without what is there of a frame that has not come whole. */
function wholeFrames(bytes: Buffer): Buffer {
  let end = 0;
  for (let at = 0; at + 12 <= bytes.length && at <= bytes.length;) {
    at += 12 + (bytes[at + 1] === 0 ? bytes.readUInt32BE(at + 8) : 0);
    if (at <= bytes.length) end = at;
  }
  return bytes.subarray(0, end);
}
