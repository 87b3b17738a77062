import type { RemoteCommandResult, RemoteCommandSession } from '../remotecommand/index.js';
import { deferred } from '../remotecommand/deferred.js';
import type { MainProcess } from './main-process.js';

/** Bytes that a client may be behind the process's output. */
const MAX_BEHIND = 1024 * 1024;

/**
 * Connects a session to a pod's main process: its output from now on, and its input if asked for. A client that does not
 * keep up is dropped, for neither the process nor the others may wait for it. Detaching leaves the process alone.
 */
export async function attach(session: RemoteCommandSession, main: MainProcess): Promise<RemoteCommandResult> {
  const { stdin, signal } = session;
  const stopped = deferred<RemoteCommandResult>();
  const unlisten = main.listen((output, chunk) => {
    const sink = session[output];
    if (sink === undefined || !sink.writable) return;
    sink.write(chunk);
    if (sink.writableLength > MAX_BEHIND)
      stopped.resolve(new Error(`the client is more than ${MAX_BEHIND} bytes behind`));
  });
  const detach = (): void => stopped.resolve(0);
  signal.addEventListener('abort', detach);
  if (signal.aborted) detach();
  stdin?.on('error', () => {});
  stdin?.pipe(main.stdin, { end: false });
  try {
    return await Promise.race([stopped.promise, main.ended.then(() => 0)]);
  } finally {
    unlisten();
    signal.removeEventListener('abort', detach);
    stdin?.unpipe(main.stdin);
    stdin?.resume();
  }
}
