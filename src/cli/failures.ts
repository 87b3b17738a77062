import { TrunklineError } from '../errors/index.js';

/** Says in one line why a cluster could not be started, and what to do about it. */
export function describeFailure(error: unknown, flags: { readonly apiPort: number; readonly port: number }): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  const option = port === flags.apiPort ? '--api-port' : '--port';
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${address} is in use; choose another with ${option} (0 for any free one)`;
    case 'EACCES':
      if (port !== undefined) return `not permitted to listen on port ${port}; choose another with ${option}`;
      break;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `cannot listen on ${address ?? 'this host'}: it is no address of this machine; choose another with --host`;
    default:
  }
  if (error instanceof TrunklineError && error.message.startsWith('refusing to listen')) {
    return `${error.message}; --insecure-allow-any-address permits it`;
  }
  return error.message;
}
