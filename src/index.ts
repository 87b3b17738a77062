export {
  HEADER_ACCEPTED_PROTOCOL_VERSIONS,
  HEADER_CONNECTION,
  HEADER_PROTOCOL_VERSION,
  HEADER_UPGRADE,
  HandshakeError,
  StreamHeaders,
  UpgradeFailureError,
  anyResponseUpgrader,
  dialFirst,
  failureStatus,
  handshake,
  isUpgradeFailure,
  isUpgradeRequest,
  noOpNewStreamHandler,
  refuseUpgrade,
} from './httpstream/index.js';
export type {
  CloseReason,
  Connection,
  Dialer,
  HeadersInit,
  IncomingStream,
  NewStreamHandler,
  ProxyOption,
  RefusalOptions,
  ResponseUpgrader,
  Status,
  StatusCause,
  Stream,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeRoundTripper,
} from './httpstream/index.js';
export {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  LimitExceededError,
  MissingPackageError,
  ProtocolError,
  ProxyError,
  StreamResetError,
  StreamsExhaustedError,
  TimeoutError,
  TrunklineError,
  type Initiator,
  type ProxyErrorDetails,
  type ResetReason,
} from './errors/index.js';
export { proxyFromEnvironment } from './carrier/proxy/environment.js';
export { DEFAULT_LIMITS, resolveLimits, type Limits } from './limits/limits.js';
export { systemClock, type Clock, type Timer } from './clock/clock.js';
export { pipeStreams } from './mux/pipe-streams.js';
