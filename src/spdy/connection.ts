import type { Duplex } from 'node:stream';
import { InvalidArgumentError } from '../errors/index.js';
import type { Connection, NewStreamHandler } from '../httpstream/index.js';
import { MuxConnection } from '../mux/connection.js';
import {
  checkConnectionOptions,
  checkDuplex,
  checkEngineOptionNames,
  checkStreamHandler,
  type ConnectionOptions,
} from '../mux/options.js';
import { SpdyMachine } from '../wire/spdy/machine.js';

/** Settings of a SPDY connection. */
export interface SpdyConnectionOptions extends ConnectionOptions {
  /**
   * zlib level of header blocks, 0 to 9. Default 0: headers are not compressed, so that their length tells nothing about
   * secrets in them (CRIME, CVE-2012-4929).
   */
  readonly compressionLevel?: number;
}

/** Settings of the client's end. */
export interface SpdyClientOptions extends SpdyConnectionOptions {
  /** Gets the streams that the server opens. Default: they are refused. */
  readonly newStreamHandler?: NewStreamHandler;
}

/**
 * The server's end of SPDY/3.1 over a byte stream that is past its upgrade.
 *
 * @throws InvalidArgumentError for unusable options.
 */
export function newSpdyServerConnection(
  duplex: Duplex,
  newStreamHandler: NewStreamHandler,
  options: SpdyConnectionOptions = {},
): Connection {
  checkEngineOptionNames('SPDY', options);
  checkStreamHandler(newStreamHandler);
  return connectSpdy('server', duplex, newStreamHandler, options);
}

/**
 * The client's end of SPDY/3.1 over a byte stream that is past its upgrade.
 *
 * @throws InvalidArgumentError for unusable options.
 */
export function newSpdyClientConnection(duplex: Duplex, options: SpdyClientOptions = {}): Connection {
  checkEngineOptionNames('SPDY', options);
  return connectSpdy('client', duplex, options.newStreamHandler, options);
}

/** Checks options before anything is sent. @throws InvalidArgumentError */
export function checkSpdyOptions(options: SpdyConnectionOptions): void {
  checkConnectionOptions(options);
  const { compressionLevel = 0 } = options;
  if (!Number.isInteger(compressionLevel) || compressionLevel < 0 || compressionLevel > 9) {
    throw new InvalidArgumentError(
      `compressionLevel must be a whole number from 0 to 9, not ${String(compressionLevel)}`,
    );
  }
}

const refuseStreams: NewStreamHandler = (stream) => stream.refuse('refused');

/** Either end, whose options may be those of something more; without a handler streams are refused. */
export function connectSpdy(
  role: 'client' | 'server',
  duplex: Duplex,
  handler: NewStreamHandler | undefined,
  options: SpdyConnectionOptions,
): Connection {
  checkDuplex(duplex);
  checkSpdyOptions(options);
  const { compressionLevel = 0 } = options;
  return new MuxConnection(
    duplex,
    (events, { limits, now }) => new SpdyMachine({ role, limits, now, compressionLevel }, events),
    handler ?? refuseStreams,
    options,
  );
}
