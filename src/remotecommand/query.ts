import { InvalidArgumentError } from '../errors/index.js';
import type { RemoteCommandRequest } from './types.js';

/** Terminals have one output; this says what becomes of a request for a terminal that also asks for stderr. */
export type TtyWithStderr = 'drop' | 'reject';

// The second name is the one in requests from the API server to a kubelet.
const FLAGS = {
  stdin: ['stdin', 'input'],
  stdout: ['stdout', 'output'],
  stderr: ['stderr', 'error'],
  tty: ['tty', 'tty'],
} as const;

/**
 * Reads what an exec or attach request asks for from the query of its URL, in the form of the API server (`stdin=true`)
 * or of the kubelet (`input=1`).
 *
 * Sources: apiserver `PodExecOptions`, kubelet `remotecommand.NewOptions`, which drops stderr of a terminal; the CRI
 * rejects it, as `'reject'` does here.
 *
 * @throws InvalidArgumentError when none of stdin, stdout and stderr is asked for, for a flag that is no boolean, and by
 * option for a terminal with stderr.
 */
export function parseQuery(query: URLSearchParams, ttyWithStderr: TtyWithStderr = 'drop'): RemoteCommandRequest {
  const tty = flag(query, 'tty');
  const stdin = flag(query, 'stdin');
  const stdout = flag(query, 'stdout');
  const wantsStderr = flag(query, 'stderr');
  if (tty && wantsStderr && ttyWithStderr === 'reject') {
    throw new InvalidArgumentError('tty and stderr cannot both be true', { initiator: 'remote' });
  }
  const stderr = wantsStderr && !tty;
  if (!stdin && !stdout && !stderr) {
    throw new InvalidArgumentError('you must specify at least 1 of stdin, stdout, stderr', { initiator: 'remote' });
  }
  return {
    command: query.getAll('command'),
    container: query.get('container') || undefined,
    stdin,
    stdout,
    stderr,
    tty,
  };
}

/** Writes a request into a query, replacing what it has under the same names. False flags are left out. */
export function writeQuery(query: URLSearchParams, request: RemoteCommandRequest): void {
  query.delete('command');
  for (const argument of request.command) query.append('command', argument);
  if (request.container === undefined) query.delete('container');
  else query.set('container', request.container);
  for (const name of ['stdin', 'stdout', 'stderr', 'tty'] as const) {
    if (request[name]) query.set(name, 'true');
    else query.delete(name);
  }
}

function flag(query: URLSearchParams, name: keyof typeof FLAGS): boolean {
  return FLAGS[name].some((spelling) => {
    const value = query.get(spelling);
    if (value === null) return false;
    if (/^(?:true|t|1)$/i.test(value)) return true;
    if (value === '' || /^(?:false|f|0)$/i.test(value)) return false;
    throw new InvalidArgumentError(`${spelling} must be true or false`, { initiator: 'remote' });
  });
}
