export {
  EventLog,
  type Appended,
  type DeliverOptions,
  type PublishOptions,
  type RemoteEvent,
  type SubscriberInfo,
  type TypeOf,
  type UntypedLog,
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
  StreamPatterns,
  SubscribeOptions,
  Subscription,
  SubscriptionItem,
} from './log/subscription.js';
export type {
  DeclaredStreams,
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
export { sseHandler, type EncodeHook, type SSEHandler, type SSEHandlerOptions } from './sse/index.js';
export { longPollHandler, type LongPollHandler } from './longpoll/handler.js';
export type { ActionOf } from './longpoll/event.js';
export type { KeyLog, LongPollOptions } from './longpoll/types.js';
export { watchHandler, type WatchHandler } from './watch/handler.js';
export type { WatchObject, WatchType } from './watch/object.js';
export type { WatchHandlerOptions, WatchableLog } from './watch/types.js';
export {
  PUSH_PROTOCOL,
  webSocketHandler,
  type ClientMessage,
  type ServerMessage,
  type SubscribeMessage,
  type WebSocketHandler,
  type WebSocketHandlerOptions,
} from './websocket/index.js';
export {
  grpcWatchService,
  type CallMetadata,
  type CallRefusal,
  type GrpcWatchOptions,
  type GrpcWatchService,
  type WatchAuthorizeResult,
  type WatchCall,
  type WatchCaller,
  type WatchMethod,
} from './grpc/index.js';
export type { Admission, Authorize, AuthorizeResult, Refusal } from './http/authorize.js';
export type { CorsOptions } from './http/cors.js';
export type { DrainOptions, SSEDrainOptions } from './http/drain.js';
export type { GateOptions } from './http/gate.js';
export type { StreamOption } from './http/request.js';
export type { StreamingOptions } from './http/streaming-options.js';
export { CURSOR_HEADER, RUN_HEADER, type FollowableLog, type PushRequest, type PushResponse } from './http/types.js';
export {
  promMetrics,
  type MetricsRegistration,
  type PromClient,
  type PromMetric,
  type PromMetricConfiguration,
  type PromMetricsOptions,
  type PromRegistry,
} from './metrics/prometheus.js';
export {
  otelMetrics,
  type OTelBatchResult,
  type OTelMeter,
  type OTelMetricsOptions,
  type OTelObservable,
} from './metrics/opentelemetry.js';
export type { MeasuredLog } from './metrics/instruments.js';
export {
  onPushMessage,
  type DiagnosticsFollower,
  type DiagnosticsLog,
  type EndMessage,
  type FollowMessage,
  type GapMessage,
  type PublishMessage,
  type PushMessages,
} from './diagnostics/channels.js';
export type { Logger } from '../logger/logger.js';
export { InvalidArgumentError, LimitExceededError, TrunklineError } from '../errors/index.js';
