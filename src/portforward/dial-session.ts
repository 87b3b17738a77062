import { connectionOf, subresourceUrl, type StreamTarget } from '../carrier/target.js';
import { dialWebSocketDuplex } from '../carrier/websocket/index.js';
import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError, ProtocolError } from '../errors/index.js';
import { UpgradeFailureError, isUpgradeFailure, type Connection, type UpgradeRequest } from '../httpstream/index.js';
import type { Limits } from '../limits/limits.js';
import { SpdyRoundTripper, newSpdyClientConnection, type SpdyClientOptions } from '../spdy/index.js';
import { ChannelForwardSession } from './channel-session.js';
import type { PortForwardTarget } from './client-types.js';
import { STREAM_PROTOCOL, TUNNEL_PROTOCOL, type PortForwardTransport } from './protocol.js';
import type { ForwardSession } from './session.js';
import { StreamForwardSession, type Load } from './stream-session.js';

/** What connecting to the server needs. */
export interface SessionSettings {
  readonly target: PortForwardTarget;
  readonly transport: 'auto' | PortForwardTransport;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly pingPeriod: number;
  readonly pingTimeout: number;
  readonly deadTimeout: number;
  readonly stallTimeout: number;
}

type Request = Omit<UpgradeRequest, 'method' | 'protocols'>;

/**
 * Connects to the server, or gets ready to where each connection makes its own way.
 *
 * @throws what dialling throws: UpgradeFailureError when the server does not upgrade, with both attempts' failures;
 * ConnectionLostError; InvalidArgumentError for an unusable target; the signal's reason.
 */
export async function dialSession(settings: SessionSettings, signal: AbortSignal): Promise<ForwardSession> {
  const { transport } = settings;
  if (transport === 'websocket') return channelSession(settings);
  if (transport === 'spdy') return await spdySession(settings, signal);
  try {
    return await tunnelSession(settings, signal);
  } catch (first) {
    if (transport === 'tunnel' || !isUpgradeFailure(first)) throw first;
    try {
      return await spdySession(settings, signal);
    } catch (second) {
      if (signal.aborted) throw second;
      throw bothFailed(first, second);
    }
  }
}

async function tunnelSession(settings: SessionSettings, signal: AbortSignal): Promise<ForwardSession> {
  const { limits, clock } = settings;
  const request = await requestTo(settings.target, signal);
  const { duplex } = await dialWebSocketDuplex(request, { protocols: [TUNNEL_PROTOCOL], limits, clock });
  const load: Load = { connections: 0 };
  const connection = newSpdyClientConnection(duplex, connectionOptions(settings, load));
  return streamSession(connection, 'tunnel', settings, load);
}

async function spdySession(settings: SessionSettings, signal: AbortSignal): Promise<ForwardSession> {
  const load: Load = { connections: 0 };
  const tripper = new SpdyRoundTripper(connectionOptions(settings, load));
  const request = await requestTo(settings.target, signal);
  const { connection, protocol } = await tripper.dial({ ...request, method: 'POST', protocols: [STREAM_PROTOCOL] });
  if (protocol === STREAM_PROTOCOL) return streamSession(connection, 'spdy', settings, load);
  await connection.close();
  throw new ProtocolError(
    `the server chose a protocol that was not offered: ${JSON.stringify(protocol)}, not ${STREAM_PROTOCOL}`,
    { initiator: 'remote' },
  );
}

function streamSession(
  connection: Connection,
  transport: PortForwardTransport,
  { clock, deadTimeout, limits }: SessionSettings,
  load: Load,
): ForwardSession {
  const errorBytes = limits.errorBodyBytes;
  return new StreamForwardSession(connection, { transport, clock, deadTimeout, errorBytes, load });
}

function channelSession({ target, limits, clock, pingPeriod, deadTimeout }: SessionSettings): ForwardSession {
  return new ChannelForwardSession({
    request: (signal) => requestTo(target, signal),
    limits,
    clock,
    heartbeat: pingPeriod > 0 && { period: pingPeriod, timeout: deadTimeout === 0 ? Infinity : deadTimeout },
  });
}

function connectionOptions(settings: SessionSettings, load: Load): SpdyClientOptions {
  const { clock, limits, pingPeriod, pingTimeout, stallTimeout } = settings;
  // A connection that is alone holds up nobody.
  const spare = (): boolean => load.connections <= 1;
  const stallPolicy = stallTimeout === 0 ? 'pause' : { resetAfter: stallTimeout, spare };
  return { clock, limits, pingPeriod, pingTimeout, stallPolicy };
}

async function requestTo(target: PortForwardTarget, signal: AbortSignal): Promise<Request> {
  const found = await untilAborted(typeof target === 'function' ? target() : target, signal);
  const url = subresourceUrl(found, 'portforward');
  const connection = await untilAborted(connectionOf(found), signal);
  return { url, ...connection, signal };
}

/** What is asked for may never come. */
async function untilAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const options = { once: true, signal: stop.signal };
    signal.addEventListener('abort', () => reject(signal.reason as Error), options);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stop.abort();
  }
}

/** Checks a target that is there already. @throws InvalidArgumentError */
export function checkTarget(target: PortForwardTarget): void {
  if (typeof target !== 'function') subresourceUrl(target as StreamTarget, 'portforward');
  else if (target.length > 0) throw new InvalidArgumentError('a target function takes no arguments');
}

/** Keeps what the second answer said, and shows both, or one for both when they are the same. */
function bothFailed(first: unknown, second: unknown): UpgradeFailureError {
  const answer = [second, first].find((error) => error instanceof UpgradeFailureError);
  const [tunnel, spdy] = [first, second].map(reasonOf);
  const message = tunnel === spdy ? `${spdy}` : `through the tunnel: ${tunnel}; over SPDY: ${spdy}`;
  return new UpgradeFailureError(`unable to upgrade connection: ${message}`, {
    cause: new AggregateError([first, second], message),
    initiator: 'remote',
    ...(answer?.statusCode === undefined ? {} : { statusCode: answer.statusCode }),
    ...(answer?.status === undefined ? {} : { status: answer.status }),
    ...(answer?.body === undefined ? {} : { body: answer.body }),
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof UpgradeFailureError && error.status?.message) return error.status.message;
  return error instanceof Error ? error.message : String(error);
}
