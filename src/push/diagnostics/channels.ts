import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { InvalidArgumentError } from '../../errors/index.js';
import type { EndReason, Gap, LogEvent } from '../log/types.js';

/**
 * What every message has of the log it is about. It is the `EventLog` itself, so that listeners can tell logs apart with
 * `===`.
 */
export interface DiagnosticsLog {
  /** The run of the pod. */
  readonly origin: string;
  /** The newest local index. */
  readonly index: number;
}

/** Who follows. */
export interface DiagnosticsFollower {
  /** Unique in the log. */
  readonly id: number;
  /** The names or patterns that it follows. */
  readonly streams: readonly string[];
  /** `sse`, `long-poll`, `watch`, `websocket`, `grpc`, … */
  readonly transport: string;
  /** Who it is, as far as the transport or the authorize hook told. */
  readonly peer: string | undefined;
}

/** Channel `trunkline:push:publish`: an event has entered the log. Followers have not been told yet. */
export interface PublishMessage {
  readonly log: DiagnosticsLog;
  readonly event: LogEvent;
}

/** Channel `trunkline:push:follow`: somebody begins to follow the log. */
export interface FollowMessage {
  readonly log: DiagnosticsLog;
  readonly follower: DiagnosticsFollower;
}

/** Channel `trunkline:push:end`: somebody has stopped following, or was made to. Once per `follow`. */
export interface EndMessage {
  readonly log: DiagnosticsLog;
  readonly follower: DiagnosticsFollower;
  readonly reason: EndReason;
  /** Items that it was given: events, and gaps. */
  readonly delivered: number;
}

/** Channel `trunkline:push:gap`: a follower is told that events are missing. */
export interface GapMessage {
  readonly log: DiagnosticsLog;
  readonly follower: DiagnosticsFollower;
  readonly gap: Gap;
}

/** The channels of `node:diagnostics_channel` by name, each with its message. */
export interface PushMessages {
  'trunkline:push:publish': PublishMessage;
  'trunkline:push:follow': FollowMessage;
  'trunkline:push:end': EndMessage;
  'trunkline:push:gap': GapMessage;
}

/** A channel of Node with the type of its messages. */
export interface PushChannel<M> {
  readonly hasSubscribers: boolean;
  publish(message: M): void;
}

export const PUBLISH_CHANNEL: PushChannel<PublishMessage> = channel('trunkline:push:publish');
export const FOLLOW_CHANNEL: PushChannel<FollowMessage> = channel('trunkline:push:follow');
export const END_CHANNEL: PushChannel<EndMessage> = channel('trunkline:push:end');
export const GAP_CHANNEL: PushChannel<GapMessage> = channel('trunkline:push:gap');

const CHANNELS: { readonly [Name in keyof PushMessages]: PushChannel<PushMessages[Name]> } = {
  'trunkline:push:publish': PUBLISH_CHANNEL,
  'trunkline:push:follow': FOLLOW_CHANNEL,
  'trunkline:push:end': END_CHANNEL,
  'trunkline:push:gap': GAP_CHANNEL,
};

/**
 * Publishes a message if anybody listens; otherwise it costs one check and makes no message. A listener that throws ends as
 * an uncaught exception of a later tick, as Node has it, and does not disturb the publisher.
 */
export function publishIfListened<M>(to: PushChannel<M>, make: () => M): void {
  if (to.hasSubscribers) to.publish(make());
}

/**
 * Listens to a channel of every log in this process, with the type of its messages. The plain
 * `diagnostics_channel.subscribe(name, listener)` does the same without the types.
 *
 * @param listener Runs in the middle of what it is told of, so it should be quick. It must not publish to or follow the log
 * it is told about.
 * @returns Stops listening.
 * @throws InvalidArgumentError for a channel that does not exist.
 */
export function onPushMessage<Name extends keyof PushMessages>(
  name: Name,
  listener: (message: PushMessages[Name]) => void,
): () => void {
  if (!Object.hasOwn(CHANNELS, name)) {
    throw new InvalidArgumentError(`there is no channel ${String(name)}, only ${Object.keys(CHANNELS).join(', ')}`);
  }
  if (typeof listener !== 'function') throw new InvalidArgumentError('listener must be a function');
  const typed = (message: unknown): void => listener(message as PushMessages[Name]);
  subscribe(name, typed);
  return () => {
    unsubscribe(name, typed);
  };
}
