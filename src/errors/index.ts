export { TrunklineError, type Initiator, type TrunklineErrorOptions } from './base.js';
export {
  InvalidArgumentError,
  LimitExceededError,
  MissingPackageError,
  ProxyError,
  TimeoutError,
  type ProxyErrorDetails,
} from './general.js';
export {
  ConnectionLostError,
  IdleTimeoutError,
  ProtocolError,
  StreamResetError,
  StreamsExhaustedError,
  type ResetReason,
} from './stream.js';
