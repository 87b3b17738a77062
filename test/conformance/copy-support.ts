import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { remoteCommandHandler, type RemoteCommandSession } from '../../src/remotecommand/index.js';
import { listen, type UpgradeServer } from './remotecommand-server.js';

/** What a container does with each command. */
export type Program = (session: RemoteCommandSession) => Promise<number> | number;

export interface Container extends UpgradeServer {
  /** Commands so far. */
  readonly commands: (readonly string[])[];
  /** Sessions whose client went away before they were done. */
  readonly left: () => number;
}

/** A container on loopback whose tar is a function. No path is a folder, except those that end in `/folder`. */
export async function container(tar: Program): Promise<Container> {
  const commands: (readonly string[])[] = [];
  let left = 0;
  const server = await listen(
    remoteCommandHandler(async (session) => {
      commands.push(session.command);
      if (session.command[0] === 'test') return session.command[2]?.endsWith('/folder') === true ? 0 : 1;
      session.signal.addEventListener('abort', () => {
        if (!finished) left++;
      });
      let finished = false;
      const code = await tar(session);
      finished = true;
      return code;
    }),
  );
  return { ...server, commands, left: () => left, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A tar that writes these chunks, and exits with 0. */
export function gives(...chunks: readonly Uint8Array[]): Program {
  return async ({ stdout }) => {
    if (stdout === undefined) throw new Error('no stdout');
    await pipeline(chunks, stdout, { end: false });
    return 0;
  };
}

/** Does nothing until the client is gone. */
export async function untilGone({ signal }: RemoteCommandSession): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
}

/** Whether a promise is still open after a while; a settled one is told at once. */
export async function pending(promise: Promise<unknown>, milliseconds = 50): Promise<boolean> {
  const open = Symbol('open');
  const settled = promise.then(
    () => undefined,
    () => undefined,
  );
  return (await Promise.race([settled, sleep(milliseconds, open)])) === open;
}
