import type { Duplex } from 'node:stream';
import { bufferMemory } from '../bytes/memory.js';
import { InvalidArgumentError } from '../errors/index.js';
import type { Connection, NewStreamHandler } from '../httpstream/index.js';
import { MuxConnection, type MachineFactory } from '../mux/connection.js';
import {
  checkConnectionOptions,
  checkDuplex,
  checkEngineOptionNames,
  checkStreamHandler,
  type ConnectionOptions,
} from '../mux/options.js';
import { PrefaceMachine } from '../mux/preface/machine.js';
import { resolveLimits } from '../limits/limits.js';
import { INITIAL_WINDOW } from '../wire/yamux/constants.js';
import { YamuxMachine } from '../wire/yamux/machine.js';

/** Settings of a yamux connection. Each stream has a window of its own, so `stallPolicy` has no effect. */
export interface YamuxConnectionOptions extends Omit<ConnectionOptions, 'stallPolicy'> {
  /**
   * Whether streams carry headers, and refusals a reason, by the preface of docs/wire/yamux.md, which the peer must speak
   * too. `false`: plain yamux, for any peer; opening a stream with headers is an error then. Default true.
   */
  readonly headers?: boolean;
}

/** Settings of the client's end. */
export interface YamuxClientOptions extends YamuxConnectionOptions {
  /** Gets the streams that the server opens. Default: they are refused. */
  readonly newStreamHandler?: NewStreamHandler;
}

/**
 * The server's end of yamux (hashicorp/yamux, `spec.md`) over a byte stream that is past its upgrade, if it had one.
 *
 * @throws InvalidArgumentError for unusable options.
 */
export function newYamuxServerConnection(
  duplex: Duplex,
  newStreamHandler: NewStreamHandler,
  options: YamuxConnectionOptions = {},
): Connection {
  checkEngineOptionNames('yamux', options);
  checkStreamHandler(newStreamHandler);
  return connectYamux('server', duplex, newStreamHandler, options);
}

/**
 * The client's end of yamux (hashicorp/yamux, `spec.md`) over a byte stream that is past its upgrade, if it had one.
 *
 * @throws InvalidArgumentError for unusable options.
 */
export function newYamuxClientConnection(duplex: Duplex, options: YamuxClientOptions = {}): Connection {
  checkEngineOptionNames('yamux', options);
  return connectYamux('client', duplex, options.newStreamHandler, options);
}

/**
 * Checks options before anything is sent. A peer may send a whole window on every stream before it hears from this side,
 * so the budget must hold all of them.
 *
 * @throws InvalidArgumentError
 */
export function checkYamuxOptions(options: YamuxConnectionOptions): void {
  checkConnectionOptions(options);
  const { headers = true } = options;
  const { maxStreams, receiveBudgetBytes } = resolveLimits(options.limits);
  if (maxStreams * INITIAL_WINDOW > receiveBudgetBytes) {
    throw new InvalidArgumentError(
      `maxStreams (${maxStreams}) × ${INITIAL_WINDOW}, the least window of yamux, exceeds receiveBudgetBytes (${receiveBudgetBytes})`,
    );
  }
  if (typeof headers !== 'boolean') throw new InvalidArgumentError('headers must be true or false');
}

const refuseStreams: NewStreamHandler = (stream) => stream.refuse('refused', 'this side takes no streams');

/** Either end, whose options may be those of something more; without a handler streams are refused. */
export function connectYamux(
  role: 'client' | 'server',
  duplex: Duplex,
  handler: NewStreamHandler | undefined,
  options: YamuxConnectionOptions,
): Connection {
  checkDuplex(duplex);
  checkYamuxOptions(options);
  const machine: MachineFactory = (events, setup) => {
    const settings = { ...setup, role, allocate: bufferMemory };
    return options.headers === false ? new YamuxMachine(settings, events) : new PrefaceMachine(settings, events);
  };
  return new MuxConnection(duplex, machine, handler ?? refuseStreams, options);
}
