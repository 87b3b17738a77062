import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { ConnectionLostError, IdleTimeoutError } from '../errors/index.js';
import type { CloseReason } from '../httpstream/index.js';
import { ResizeQueue } from './resize-queue.js';
import { SessionFinishedError } from './session-errors.js';
import { SessionInput } from './session-input.js';
import { SessionOutput, ended } from './session-output.js';
import { encodeStatus, statusOf } from './status-codec.js';
import type {
  RemoteCommandProtocol,
  RemoteCommandRequest,
  RemoteCommandResult,
  RemoteCommandSession,
  RemoteCommandStreams,
  RunRemoteCommand,
  TerminalSize,
} from './types.js';

/** Ways for a connection to end that show that what was sent before has arrived, or was not wanted any more. */
const ORDERLY: ReadonlySet<CloseReason['kind']> = new Set(['closed', 'going-away', 'ended']);

/** The session of a server over the streams of any wire. */
export class ServerSession implements RemoteCommandSession {
  readonly command: readonly string[];
  readonly container: string | undefined;
  readonly tty: boolean;
  readonly protocol: RemoteCommandProtocol;
  readonly req: IncomingMessage;
  readonly closed: Promise<CloseReason>;
  readonly signal: AbortSignal;
  readonly #streams: RemoteCommandStreams;
  readonly #stdin: SessionInput | undefined;
  readonly #stdout: SessionOutput | undefined;
  readonly #stderr: SessionOutput | undefined;
  readonly #resizes: ResizeQueue;
  readonly #abort = new AbortController();
  readonly #gone: Promise<void>;
  /** The result is in the hands of the wire. */
  #reported = false;
  #finishing: Promise<void> | undefined;

  constructor(streams: RemoteCommandStreams, request: RemoteCommandRequest, req: IncomingMessage) {
    this.command = request.command;
    this.container = request.container;
    this.tty = request.tty;
    this.protocol = streams.protocol;
    this.req = req;
    this.closed = streams.closed;
    this.signal = this.#abort.signal;
    this.#streams = streams;
    this.#stdin = streams.stdin === undefined ? undefined : new SessionInput(streams.stdin);
    this.#stdout = streams.stdout === undefined ? undefined : new SessionOutput(streams.stdout);
    this.#stderr = streams.stderr === undefined ? undefined : new SessionOutput(streams.stderr);
    this.#resizes = new ResizeQueue(streams.resize);
    streams.error.on('error', () => {});
    this.#gone = streams.closed.then((reason) => this.#connectionClosed(reason));
  }

  get stdin(): Readable | undefined {
    return this.#stdin;
  }

  get stdout(): Writable | undefined {
    return this.#stdout;
  }

  get stderr(): Writable | undefined {
    return this.#stderr;
  }

  get resizes(): AsyncIterable<TerminalSize> {
    return this.#resizes;
  }

  finish(result: RemoteCommandResult): Promise<void> {
    this.#finishing ??= this.#finish(result);
    return this.#finishing;
  }

  async #finish(result: RemoteCommandResult): Promise<void> {
    this.#stdin?.finish();
    await Promise.race([this.#deliver(result), this.#gone]);
    this.#resizes.end();
    await this.#streams.close();
    this.#abort.abort(new SessionFinishedError());
  }

  async #deliver(result: RemoteCommandResult): Promise<void> {
    // The Status goes last: a client may stop reading output once it has it.
    await Promise.all([this.#stdout?.flush(), this.#stderr?.flush()]);
    const { error } = this.#streams;
    const text = this.#report(result);
    if (text !== '' && error.writable) error.write(text);
    await ended(error);
    this.#reported = error.writableFinished;
  }

  #report(result: RemoteCommandResult): string {
    try {
      return encodeStatus(statusOf(result, this.command), this.protocol);
    } catch {
      // A Status of the application's making need not be JSON.
      return encodeStatus(statusOf(new Error('the result cannot be encoded')), this.protocol);
    }
  }

  #connectionClosed(reason: CloseReason): void {
    this.#resizes.end();
    const finished = this.#reported && ORDERLY.has(reason.kind);
    const error = finished ? new SessionFinishedError() : lossOf(reason);
    if (!finished) {
      // stdin fails by itself, after what has arrived was read.
      this.#stdout?.destroy(error);
      this.#stderr?.destroy(error);
    }
    this.#abort.abort(error);
  }
}

/** The error that tells why a connection ended before its session did. */
export function lossOf(reason: CloseReason): ConnectionLostError | IdleTimeoutError {
  if (reason.error instanceof IdleTimeoutError) return reason.error;
  const options = { cause: reason.error, initiator: reason.initiator };
  if (reason.kind === 'idle-timeout') return new IdleTimeoutError('the session was idle for too long', options);
  return new ConnectionLostError(`the connection ended before the session did: ${reason.kind}`, options);
}

/** Runs the application on a session and finishes it with what comes out. Never rejects. */
export async function serveSession(
  session: RemoteCommandSession,
  run: RunRemoteCommand,
  onError: (error: unknown, session: RemoteCommandSession) => void,
): Promise<void> {
  let result: RemoteCommandResult;
  try {
    result = (await run(session)) ?? 0;
  } catch (error) {
    result = error instanceof Error ? error : new Error(String(error));
    if (!session.signal.aborted) report(onError, error, session);
  }
  await session.finish(result);
}

function report(
  onError: (error: unknown, session: RemoteCommandSession) => void,
  error: unknown,
  session: RemoteCommandSession,
): void {
  try {
    onError(error, session);
  } catch {
    // A failing observer must not take the session down with it.
  }
}
