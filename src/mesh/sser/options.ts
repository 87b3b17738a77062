import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { EventLog } from '../../push/log/event-log.js';
import type { EventLogOptions } from '../../push/log/settings.js';
import type { SSEHandlerOptions } from '../../push/sse/options.js';
import type { MeshOptions } from '../options.js';

/** How an `SSEServer` works: what a `Mesh` takes, apart from the port and the finder, and what is here. */
export interface SSEServerOptions extends Omit<MeshOptions, 'finder' | 'port'> {
  /** A log of one's own, which `close` leaves open, or options for a new one. */
  readonly log?: EventLog | EventLogOptions;
  /** How clients are served, unless `clientConnectionHandler` is told otherwise. */
  readonly handler?: SSEHandlerOptions;
}

const NAMES: OptionNames<SSEServerOptions> = {
  name: true,
  host: true,
  secret: true,
  tls: true,
  compatible: true,
  requests: true,
  times: true,
  logger: true,
  random: true,
  log: true,
  handler: true,
};

/** Options apart, each part for whom it concerns. */
export interface SSEServerParts {
  readonly log: EventLog;
  readonly ownsLog: boolean;
  readonly handler: SSEHandlerOptions;
  readonly mesh: Omit<MeshOptions, 'finder' | 'port'>;
}

/** @throws InvalidArgumentError */
export function partsOfOptions(options: SSEServerOptions): SSEServerParts {
  checkOptionNames('SSEServer', options, NAMES, { port: 'the first argument', finder: 'the second argument' });
  const { log = {}, handler = {}, ...mesh } = options;
  if (typeof handler !== 'object' || handler === null) throw new InvalidArgumentError('handler must be options');
  const ownsLog = !(log instanceof EventLog);
  // Pods that this one has not met may have published.
  return { log: ownsLog ? new EventLog({ expectsOrigin: () => true, ...log }) : log, ownsLog, handler, mesh };
}
