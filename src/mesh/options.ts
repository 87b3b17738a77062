import type { RequestListener } from 'node:http';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import type { Logger } from '../logger/logger.js';
import type { EventLog } from '../push/log/event-log.js';
import type { PeerFinder } from './discovery/types.js';
import { DEFAULT_MESH_TIMES, type MeshTimes } from './times.js';

/** How a `Mesh` works. */
export interface MeshOptions {
  /** Finds the other pods. */
  readonly finder: PeerFinder;
  /**
   * Name of this pod, which no other has at the same time: a new run under it replaces the older one. 1 to 256 characters.
   * Default: `POD_NAME`, or the host's name and a random number.
   */
  readonly name?: string;
  /** Address of the internal port. Default: all. */
  readonly host?: string;
  /** The internal port, on which pods reach one another; 0 takes a free one. Default 7000. */
  readonly port?: number;
  /** What all pods know and nobody else, 16 bytes at least. Default: none; whoever reaches the port is trusted. */
  readonly secret?: string | Uint8Array;
  /** Mutual TLS between pods: `server` for the port, `client` for dialling. */
  readonly tls?: { readonly server: TlsOptions; readonly client: ConnectionOptions };
  /**
   * Whether pods of the Go package go.skia.org/infra/go/sser are got on with, so that a Deployment can roll from one to the
   * other: the internal port takes what they post, and own events are posted to peers that know nothing of links, except those
   * with a type, for the Go package has none. What comes so is for the clients of one pod now: it has no cursor, and none of
   * the promises of a mesh. `secret` does not protect it, and with `tls` the Go package cannot reach the port. Default: `true`
   * without `secret` and `tls`, `false` with either.
   */
  readonly compatible?: boolean;
  /** Requests on the internal port that are no links. Default: 404. */
  readonly requests?: RequestListener;
  readonly times?: Partial<MeshTimes>;
  /** Default: says nothing. */
  readonly logger?: Logger;
  /** Source of numbers in [0, 1). */
  readonly random?: () => number;
}

/** Bytes of data of the largest event that surely fits into one message, whatever it is made of and beside what. */
export const MAX_MESH_EVENT_BYTES: number = 512 * 1024;
const LONGEST_NAME = 256;

const NAMES: OptionNames<MeshOptions> = {
  finder: true,
  name: true,
  host: true,
  port: true,
  secret: true,
  tls: true,
  compatible: true,
  requests: true,
  times: true,
  logger: true,
  random: true,
};

/** @throws InvalidArgumentError */
export function checkMeshOptions(log: Pick<EventLog, 'settings'>, options: MeshOptions): void {
  checkOptionNames('Mesh', options, NAMES);
  const { compatible, finder, name, port } = options;
  if (typeof finder?.peers !== 'function') throw new InvalidArgumentError('finder must be a PeerFinder');
  if (name !== undefined && (name === '' || name.length > LONGEST_NAME)) {
    throw new InvalidArgumentError(`name must have 1 to ${LONGEST_NAME} characters`);
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new InvalidArgumentError(`port must be a whole number from 0 to 65,535, not ${String(port)}`);
  }
  if (compatible !== undefined && typeof compatible !== 'boolean') {
    throw new InvalidArgumentError(`compatible must be true or false, not ${String(compatible)}`);
  }
  const { maxEventBytes } = log.settings.limits;
  if (maxEventBytes > MAX_MESH_EVENT_BYTES) {
    throw new InvalidArgumentError(
      `maxEventBytes of the log is ${maxEventBytes}; on a mesh it may be ${MAX_MESH_EVENT_BYTES} at most`,
    );
  }
}

/** The times in force. @throws InvalidArgumentError */
export function resolveTimes(times: Partial<MeshTimes> = {}): MeshTimes {
  checkOptionNames('times', times, Object.fromEntries(Object.keys(DEFAULT_MESH_TIMES).map((name) => [name, true])));
  for (const [name, value] of Object.entries(times)) {
    if (typeof value !== 'number' || !(value > 0)) {
      throw new InvalidArgumentError(`times.${name} must be milliseconds above 0, not ${String(value)}`);
    }
  }
  return { ...DEFAULT_MESH_TIMES, ...times };
}
