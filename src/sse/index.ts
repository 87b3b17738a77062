export { encodeEvent, type EncodableEvent } from './encode.js';
export {
  EventStreamParser,
  MESSAGE_TYPE,
  type EventStreamHandlers,
  type EventStreamParserOptions,
  type ParsedEvent,
} from './parser.js';
export { DEFAULT_EVENT_STREAM_LIMITS, type EventStreamLimits } from './limits.js';
export { EventStreamRefusedError } from './errors.js';
export {
  EventSource,
  EventSourceErrorEvent,
  type EventSourceMessageEvent,
  type EventSourceOptions,
} from './event-source.js';
export type { EventStreamOptions, RequestHeaders } from './options.js';
export type { BackoffOptions } from './reconnect-delay.js';
export { CLOSED, CONNECTING, OPEN, type ReadyState } from './session.js';
export {
  SSEClient,
  WANT_ERRORS,
  WANT_MESSAGES,
  WANT_OPEN_CLOSE,
  type SSEClientOptions,
  type SSEEvent,
} from './client.js';
export { newJSONEncoderFeed, type EventFeed } from './feed.js';
export { EventSink, type EventResponse, type EventSinkOptions, type SinkEnd, type SinkEvent } from './sink.js';
export { sinkEvents, sinkJSONEvents } from './sink-events.js';
export {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  LimitExceededError,
  TrunklineError,
} from '../errors/index.js';
