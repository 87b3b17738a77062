import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { CloseReason } from '../../../src/httpstream/index.js';
import type {
  RemoteCommandProtocol,
  RemoteCommandResult,
  RemoteCommandSession,
  TerminalSize,
} from '../../../src/remotecommand/index.js';
import { systemClock } from '../../../src/clock/clock.js';
import { exec } from '../../../src/cluster/exec.js';
import { ProcessGuard } from '../../../src/cluster/guard.js';
import { ProcessGroups } from '../../../src/cluster/process-groups.js';

/** A session in memory, with the client's side in the test's hands. */
export class FakeSession implements RemoteCommandSession {
  readonly command: readonly string[];
  readonly container: string | undefined;
  readonly tty: boolean;
  readonly protocol: RemoteCommandProtocol = 'v5.channel.k8s.io';
  readonly stdin: PassThrough | undefined;
  readonly stdout: PassThrough = new PassThrough();
  readonly stderr: PassThrough | undefined;
  readonly closed: Promise<CloseReason> = new Promise(() => {});
  readonly gone: AbortController = new AbortController();
  readonly sizes: TerminalSize[];

  constructor(command: readonly string[], options: { tty?: boolean; stdin?: boolean; sizes?: TerminalSize[] } = {}) {
    this.command = command;
    this.tty = options.tty === true;
    this.sizes = options.sizes ?? [];
    this.stdin = options.stdin === true ? new PassThrough() : undefined;
    this.stderr = this.tty ? undefined : new PassThrough();
  }

  get signal(): AbortSignal {
    return this.gone.signal;
  }

  get req(): IncomingMessage {
    throw new Error('not looked at');
  }

  get resizes(): AsyncIterable<TerminalSize> {
    const { sizes } = this;
    return {
      async *[Symbol.asyncIterator]() {
        yield* sizes;
      },
    };
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }
}

/** What a command did. */
export interface Outcome {
  readonly result: RemoteCommandResult;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export const environment: Readonly<Record<string, string>> = { PATH: process.env['PATH'] ?? '/bin', GREETING: 'hello' };

/** Runs a session in `/` with its own process groups; `pids` then says which are left. */
export async function runSession(session: FakeSession): Promise<Outcome> {
  const guard = new ProcessGuard('TRUNKLINE_TEST=none-has-this', '/nonexistent/trunkline-test');
  const groups = new ProcessGroups(guard);
  try {
    const stdout = collect(session.stdout);
    const stderr = session.stderr === undefined ? Promise.resolve(Buffer.alloc(0)) : collect(session.stderr);
    const result = await exec(session, { cwd: '/', env: environment, groups }, systemClock);
    session.stdout.end();
    session.stderr?.end();
    return { result, stdout: await stdout, stderr: (await stderr).toString() };
  } finally {
    groups.kill();
    await guard.close();
  }
}

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // The test has the client go away.
  }
  return Buffer.concat(chunks);
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when `condition` holds; the test's own timeout bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
