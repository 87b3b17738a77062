export {
  EventLog,
  type Appended,
  type PublishOptions,
  type RemoteEvent,
  type SubscriberInfo,
} from './log/event-log.js';
export type { LogStats } from './log/counters.js';
export { InvalidCursorError, LogClosedError } from './log/errors.js';
export {
  DEFAULT_HISTORY,
  DEFAULT_LOG_LIMITS,
  type EventLogOptions,
  type History,
  type LogLimits,
} from './log/settings.js';
export type {
  EventOf,
  ItemHandler,
  StreamName,
  SubscribeOptions,
  Subscription,
  SubscriptionItem,
} from './log/subscription.js';
export type {
  EndReason,
  FollowOptions,
  Follower,
  Framer,
  Gap,
  GapReason,
  LogEvent,
  LogItem,
  MissingRange,
  Slice,
  StartPosition,
  StreamTypes,
} from './log/types.js';
export { InvalidArgumentError, LimitExceededError, TrunklineError } from '../errors/index.js';
