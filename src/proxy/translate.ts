import { Duplex, type Readable, type Writable } from 'node:stream';
import { UpgradeFailureError, failureStatus, type Status, type UpgradeRequest } from '../httpstream/index.js';
import { converse } from '../remotecommand/client-session.js';
import { dialSpdyStreams } from '../remotecommand/client-spdy.js';
import type { AttachOptions } from '../remotecommand/client-types.js';
import { ExecError } from '../remotecommand/exec-error.js';
import type { RemoteCommandRequest, RemoteCommandSession } from '../remotecommand/types.js';
import { AddressDeniedError } from './addresses.js';
import type { ProxySettings } from './options.js';
import { refusalOf } from './refusal.js';
import { throttledReadable, throttledWritable } from './throttle.js';

/** A session whose WebSocket is open. */
export interface Translation {
  readonly session: RemoteCommandSession;
  readonly resize: Readable | undefined;
  readonly wanted: RemoteCommandRequest;
  readonly request: UpgradeRequest;
  readonly settings: ProxySettings;
}

const PING_PERIOD = 5_000;
const SUCCESS: Status = { metadata: {}, status: 'Success' };

/** Runs the session over SPDY; resolves with what the caller is to be told. */
export async function translate(translation: Translation): Promise<Status> {
  const { request, resize, session, settings, wanted } = translation;
  const { clock, limits } = settings;
  const { signal } = session;
  try {
    const backend = await dialSpdyStreams({ ...request, signal }, wanted, { limits, clock, pingPeriod: PING_PERIOD });
    if (resize !== undefined && backend.resize !== undefined) copySizes(resize, backend.resize);
    try {
      const { status } = await converse(backend, optionsOf(translation), limits);
      return status ?? SUCCESS;
    } finally {
      // A channel that nobody reads would hold up the others.
      resize?.unpipe().resume();
    }
  } catch (error) {
    const status = statusOfFailure(error);
    if (!signal.aborted && status.code === 500) settings.onError(error, session.req);
    return status;
  }
}

function copySizes(resize: Readable, remote: Writable): void {
  resize.on('error', () => {});
  remote.on('error', () => {});
  if (remote instanceof Duplex) remote.resume();
  // Its end would mean nothing to a server.
  resize.pipe(remote, { end: false });
}

function optionsOf({ session, settings, wanted }: Translation): AttachOptions {
  const { clock, maxBytesPerSecond } = settings;
  const { signal, stderr, stdin, stdout } = session;
  return {
    tty: wanted.tty,
    signal,
    ...(stdin === undefined ? {} : { stdin: throttledReadable(stdin, maxBytesPerSecond, clock) }),
    stdout: stdout === undefined ? false : throttledWritable(stdout, maxBytesPerSecond, clock),
    stderr: stderr === undefined ? false : throttledWritable(stderr, maxBytesPerSecond, clock),
  };
}

/** Passes on a Status of the backend, also that of an exit code; all else is an internal error (`NewInternalError`). */
function statusOfFailure(error: unknown): Status {
  if (error instanceof ExecError) return error.status;
  if (error instanceof AddressDeniedError) return failureStatus(403, refusalOf(error).message);
  if (error instanceof UpgradeFailureError) {
    if (error.statusCode !== undefined && error.statusCode >= 300 && error.statusCode <= 399) {
      return internalError('redirect not allowed');
    }
    if (error.status !== undefined) return error.status;
  }
  return internalError(error instanceof Error ? error.message : String(error));
}

function internalError(message: string): Status {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}
