import { PassThrough, Writable } from 'node:stream';
import { exec } from '../client.js';
import type { ExecOptions, RemoteCommandTarget } from '../client-types.js';
import { ExecError } from '../exec-error.js';
import { CopyError } from './error.js';
import type { CopyOptions } from './options.js';

const STDERR_BYTES = 16 * 1024;

/** Keeps the beginning of what is written. */
class Head extends Writable {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8').trim();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const piece = chunk.subarray(0, STDERR_BYTES - this.#length);
    this.#length += piece.length;
    if (piece.length > 0) this.#chunks.push(Buffer.from(piece));
    callback();
  }
}

/** What a command that ended left. */
export interface CommandEnd {
  readonly exitCode: number;
  readonly stderr: string;
}

/** Runs a command in the container. @throws CopyError when it could not be run; what `exec` throws. */
export async function runCommand(
  target: RemoteCommandTarget,
  command: readonly string[],
  options: CopyOptions,
  streams: Pick<ExecOptions, 'stdin' | 'stdout'>,
): Promise<CommandEnd> {
  const { container, signal, transport, pingPeriod, limits, clock } = options;
  const given = { container, signal, transport, pingPeriod, limits, clock };
  const stderr = new Head();
  try {
    const { exitCode } = await exec(target, {
      ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as CopyOptions),
      ...streams,
      command,
      stderr,
    });
    return { exitCode, stderr: stderr.text };
  } catch (cause) {
    if (!(cause instanceof ExecError)) throw cause;
    throw new CopyError('remote-command', `${command[0]} could not be run: ${cause.message}`, {
      cause,
      stderr: stderr.text,
      initiator: 'remote',
    });
  }
}

/** Makes an error of an exit code other than 0, and warnings of what a command that succeeded has complained about. */
export function checkEnd(command: readonly string[], end: CommandEnd, warn: (message: string) => void): void {
  const { exitCode, stderr } = end;
  if (exitCode !== 0) {
    const message = `${command[0]} exited with ${exitCode}${stderr === '' ? '' : `: ${stderr}`}`;
    throw new CopyError('remote-command', message, { stderr, exitCode, initiator: 'remote' });
  }
  for (const line of stderr.split('\n')) if (line !== '') warn(line);
}

/**
 * The output of a command. Ends only when the command has exited with 0; throws otherwise, after all there was. Whoever
 * leaves early ends the session.
 */
export async function* commandOutput(
  target: RemoteCommandTarget,
  command: readonly string[],
  options: CopyOptions,
  warn: (message: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const left = new AbortController();
  const abort = (): void => left.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted === true) abort();
  const stdout = new PassThrough();
  let failure: { readonly error: unknown } | undefined;
  const run = runCommand(target, command, { ...options, signal: left.signal }, { stdout })
    .then((end) => checkEnd(command, end, warn))
    .catch((error: unknown) => (failure = { error }))
    .finally(() => stdout.end());
  try {
    for await (const chunk of stdout) yield chunk as Buffer;
    await run;
    if (failure !== undefined) throw failure.error;
  } catch (error) {
    await run;
    throw failure === undefined ? error : failure.error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    left.abort();
    await run;
  }
}

/** Whether a path of the container is a folder, or a link to one. */
export async function isRemoteFolder(
  target: RemoteCommandTarget,
  path: string,
  options: CopyOptions,
): Promise<boolean> {
  const command = ['test', '-d', path];
  const end = await runCommand(target, command, options, { stdout: false });
  if (end.exitCode === 1) return false;
  checkEnd(command, end, () => {});
  return true;
}
