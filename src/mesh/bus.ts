import type { EventLog, PublishOptions } from '../push/log/event-log.js';
import type { LogEvent } from '../push/log/types.js';
import type { Ack } from './node/acknowledgements.js';
import type { DrainResult } from './node/drain.js';
import type { PodState } from './protocol/messages.js';

/** How an event is published on a {@link Bus}. */
export interface BusPublishOptions<Type extends string = string> extends PublishOptions<Type> {
  /**
   * Who has to have it before `publish` settles: `one` other pod besides this one, so that it survives this one; `all` that
   * are linked; or only this, `local`. Alone, each is met at once. Default `one`.
   */
  readonly ack?: Ack;
  /** Milliseconds until `publish` gives up waiting; the event stays published. Default 10,000. */
  readonly timeout?: number;
}

/** An event that was published, and how many pods had it then, this one included. */
export interface Published<Data = unknown, Type extends string = string> {
  readonly event: LogEvent<Data, Type>;
  readonly acks: number;
}

/** Who follows on one pod. */
export interface PodPresence {
  /** Run and name of the pod. */
  readonly origin: string;
  readonly name: string;
  /** Followers of each stream or pattern; whoever follows several counts for each. */
  readonly streams: ReadonlyMap<string, number>;
  /** Followers in all. */
  readonly clients: number;
}

/** Who follows in the whole mesh. */
export interface Presence {
  readonly pods: readonly PodPresence[];
  /** Names of linked pods that did not answer in time, or whose version knows no such question. */
  readonly missing: readonly string[];
}

/** How long an operation of a {@link Bus} may take. */
export interface BusWaitOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/**
 * Carries what is published on one pod to the logs of all. `Mesh` is the one that needs no broker; servers take any whose log
 * has no declared types.
 *
 * The other two seams are `PeerFinder`, by which pods find one another, and `MeshLog`, what is needed of an `EventLog`.
 */
export interface Bus extends AsyncDisposable {
  /** The log of this pod, which clients follow. */
  readonly log: EventLog;
  /** Name of this pod. */
  readonly name: string;
  /** `joining` until this pod has what the others have, `ready`, or `draining`. */
  readonly state: PodState;
  /** Settles once the pod is ready. @throws what reaching the others throws, and the signal's reason. */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Publishes to all pods. */
  publish(stream: string, data: unknown, options?: BusPublishOptions): Promise<Published>;
  /** Asks all pods who follows. Default timeout 2,000. */
  presence(options?: BusWaitOptions): Promise<Presence>;
  /** Takes no more events, and settles when other pods have all that this one holds, or time is up. Default 20,000. */
  drain(options?: BusWaitOptions): Promise<DrainResult>;
  /** Ends all links. The log stays open. */
  close(): Promise<void>;
}
