import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';

/** A client asked for a port that the server does not forward. */
export class PortNotAllowedError extends TrunklineError {
  readonly code = 'ERR_PORT_NOT_ALLOWED';
  readonly port: number;

  constructor(port: number) {
    super(`port ${port} may not be forwarded`, { initiator: 'remote' });
    this.port = port;
  }
}

/**
 * One connection could not be forwarded; other connections are not concerned. The message is what the server said, unless
 * `initiator` is `local`.
 */
export class PortForwardError extends TrunklineError {
  readonly code = 'ERR_PORT_FORWARD';
  /** The port in the pod. */
  readonly port: number;

  constructor(port: number, message: string, options: TrunklineErrorOptions = {}) {
    super(message, { initiator: 'remote', ...options });
    this.port = port;
  }
}

/** A local port could not be listened on; the message names each address and why. */
export class ListenError extends TrunklineError {
  readonly code = 'ERR_LISTEN';
  /** The local port, 0 for any free one. */
  readonly port: number;
  /** What failed, by address. */
  readonly failures: ReadonlyMap<string, NodeJS.ErrnoException>;

  constructor(port: number, failures: ReadonlyMap<string, NodeJS.ErrnoException>) {
    const [first] = failures.values();
    const reasons = [...failures].map(([address, error]) => `${hostPort(address, port)}: ${explain(error)}`);
    super(`cannot listen on ${reasons.join('; ')}`, { cause: first, initiator: 'local' });
    this.port = port;
    this.failures = failures;
  }
}

/** An address as in URLs: IPv6 in brackets. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is already in use (EADDRINUSE)';
    case 'EACCES':
      return 'permission denied (EACCES)';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address (EADDRNOTAVAIL)';
    default:
      return error.message;
  }
}
