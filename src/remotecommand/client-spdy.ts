import type { Clock } from '../clock/clock.js';
import { ProtocolError } from '../errors/index.js';
import type { Stream, UpgradeRequest } from '../httpstream/index.js';
import type { Limits } from '../limits/limits.js';
import { SpdyRoundTripper } from '../spdy/index.js';
import type { ClientStreams } from './client-types.js';
import { PROTOCOLS, STREAM_TYPE, STREAM_TYPES, carriesResize, protocolNamed, type StreamType } from './protocol.js';
import type { RemoteCommandRequest } from './types.js';

/** What a connection of either kind needs. */
export interface DialOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly pingPeriod: number;
}

/**
 * Opens a session over SPDY: offers v5 to v1, then opens the streams in the order of kubectl, each after the one before
 * was accepted (client-go `v2.go`, `v3.go`).
 *
 * @throws what `SpdyRoundTripper.dial` and `createStream` throw.
 */
export async function dialSpdyStreams(
  request: UpgradeRequest,
  wanted: RemoteCommandRequest,
  options: DialOptions,
): Promise<ClientStreams> {
  const { limits, clock, pingPeriod } = options;
  // No deadline for the answer: a server whose command reads no stdin may not read our pings either.
  const tripper = new SpdyRoundTripper({ limits, clock, pingPeriod, pingTimeout: 0, stallPolicy: 'pause' });
  const dialled = await tripper.dial({ ...request, method: 'POST', protocols: PROTOCOLS });
  const { connection } = dialled;
  try {
    const protocol = protocolNamed(dialled.protocol);
    if (protocol === undefined) {
      throw new ProtocolError(`the server chose a protocol that was not offered: ${JSON.stringify(dialled.protocol)}`, {
        initiator: 'remote',
      });
    }
    const has: Record<StreamType, boolean> = {
      ...wanted,
      error: true,
      resize: wanted.tty && carriesResize(protocol),
    };
    const streams: Partial<Record<StreamType, Stream>> = {};
    for (const type of STREAM_TYPES) {
      if (!has[type]) continue;
      const signal = request.signal === undefined ? {} : { signal: request.signal };
      streams[type] = await connection.createStream({ [STREAM_TYPE]: type }, signal);
    }
    return {
      transport: 'spdy',
      protocol,
      stdin: streams.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      resize: streams.resize,
      error: streams.error as Stream,
      closed: connection.closed,
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
