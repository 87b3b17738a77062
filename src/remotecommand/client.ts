import { TARGET_NAMES } from '../carrier/target.js';
import { systemClock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import { UpgradeFailureError, isUpgradeFailure, type UpgradeRequest } from '../httpstream/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { converse } from './client-session.js';
import { dialSpdyStreams } from './client-spdy.js';
import type { AttachOptions, ClientStreams, ExecOptions, ExecResult, RemoteCommandTarget } from './client-types.js';
import { dialWebSocketStreams } from './client-websocket.js';
import { ExecError } from './exec-error.js';
import { connectionOf, targetUrl } from './target.js';
import type { RemoteCommandRequest } from './types.js';

const OPTIONS: OptionNames<ExecOptions> = {
  command: true,
  container: true,
  stdin: true,
  stdout: true,
  stderr: true,
  tty: true,
  resizes: true,
  signal: true,
  transport: true,
  maxOutputBytes: true,
  check: true,
  pingPeriod: true,
  limits: true,
  clock: true,
};
const TRANSPORTS: readonly string[] = ['auto', 'websocket', 'spdy'];

/**
 * Runs a command in a container and resolves when it has ended, with its exit code, whatever that is, once every byte of
 * its output has been written to the sinks.
 *
 * ```ts
 * const { exitCode, stdout } = await exec({ server: 'http://127.0.0.1:8001', pod: 'web-0' }, { command: ['date'] });
 * ```
 *
 * WebSocket (v5) is tried first, then SPDY, as by kubectl. Closing the connection does not end the remote command: no
 * Kubernetes server does that.
 *
 * Rejects with
 * - ExecError when the server reports a failure other than an exit code, and with `check` for any code but 0;
 * - ConnectionLostError when the connection ended and no result had come;
 * - UpgradeFailureError when the server does not upgrade, showing both attempts' failures;
 * - LimitExceededError for more output than may be collected;
 * - the signal's reason, the error of `stdin` or of an output stream, or what dialling threw;
 * - InvalidArgumentError for unusable options, before anything is sent; ProtocolError for a server that breaks the rules.
 */
export async function exec(target: RemoteCommandTarget, options: ExecOptions): Promise<ExecResult> {
  checkOptionNames('exec', options, OPTIONS, TARGET_NAMES);
  const { command = [] } = options;
  return await run(target, 'exec', options, typeof command === 'string' ? [command] : command);
}

/** Attaches to a container's main process. Works like {@link exec}, without a command. */
export async function attach(target: RemoteCommandTarget, options: AttachOptions = {}): Promise<ExecResult> {
  checkOptionNames('attach', options, OPTIONS, TARGET_NAMES);
  return await run(target, 'attach', options, []);
}

async function run(
  target: RemoteCommandTarget,
  action: 'exec' | 'attach',
  options: AttachOptions,
  command: readonly string[],
): Promise<ExecResult> {
  options.signal?.throwIfAborted();
  const limits = resolveLimits({ writeTimeout: 0, ...options.limits });
  const wanted: RemoteCommandRequest = {
    command,
    container: options.container,
    stdin: options.stdin !== undefined,
    stdout: options.stdout !== false,
    stderr: options.stderr !== false && options.tty !== true,
    tty: options.tty === true,
  };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr) {
    throw new InvalidArgumentError('at least one of stdin, stdout and stderr must be asked for');
  }
  checkOptions(options);
  const url = targetUrl(target, action, wanted);
  if (action === 'exec' && !url.searchParams.has('command')) throw new InvalidArgumentError('a command is needed');
  const streams = await open(target, url, wanted, options, limits);
  const result = await converse(streams, options, limits);
  if (options.check === true && result.exitCode !== 0) {
    const { exitCode, status = {} } = result;
    throw new ExecError(`command terminated with exit code ${exitCode}`, status, { exitCode, result });
  }
  return result;
}

/** What would otherwise be found out late, on one transport only, or not at all. */
function checkOptions(options: AttachOptions): void {
  const { transport = 'auto', pingPeriod = 0, stdin } = options;
  if (!TRANSPORTS.includes(transport)) {
    throw new InvalidArgumentError(`transport must be one of ${TRANSPORTS.join(', ')}, not ${transport}`);
  }
  if (!Number.isFinite(pingPeriod) || pingPeriod < 0) {
    throw new InvalidArgumentError(`pingPeriod must be a number of milliseconds, 0 or more, not ${pingPeriod}`);
  }
  if (stdin !== undefined && typeof stdin !== 'string' && !isIterable(stdin)) {
    throw new InvalidArgumentError('stdin must be a string, bytes, a stream or an async iterable');
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const sink = options[name];
    if (sink !== undefined && sink !== false && typeof sink.write !== 'function') {
      throw new InvalidArgumentError(`${name} must be a writable stream, or false`);
    }
  }
}

/** Callers without types give anything; bytes are iterable too. */
function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

async function open(
  target: RemoteCommandTarget,
  url: URL,
  wanted: RemoteCommandRequest,
  options: AttachOptions,
  limits: Limits,
): Promise<ClientStreams> {
  const dial = { limits, clock: options.clock ?? systemClock, pingPeriod: options.pingPeriod ?? 5_000 };
  const request = async (): Promise<UpgradeRequest> => ({
    url,
    ...(await connectionOf(target)),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const { transport = 'auto' } = options;
  if (transport === 'spdy') return dialSpdyStreams(await request(), wanted, dial);
  try {
    return await dialWebSocketStreams(await request(), wanted, dial);
  } catch (first) {
    if (transport === 'websocket' || !isUpgradeFailure(first)) throw first;
    try {
      return await dialSpdyStreams(await request(), wanted, dial);
    } catch (second) {
      if (options.signal?.aborted === true) throw second;
      throw bothFailed(first, second);
    }
  }
}

/** Keeps what the second answer said, and shows both, or one for both when they are the same. */
function bothFailed(first: unknown, second: unknown): UpgradeFailureError {
  const answer = [second, first].find((error) => error instanceof UpgradeFailureError);
  const [webSocket, spdy] = [first, second].map(reasonOf);
  const message = webSocket === spdy ? `${spdy}` : `over WebSocket: ${webSocket}; over SPDY: ${spdy}`;
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
