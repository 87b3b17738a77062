export {
  HEADER_ACCEPTED_PROTOCOL_VERSIONS,
  HEADER_CONNECTION,
  HEADER_PROTOCOL_VERSION,
  HEADER_UPGRADE,
} from './constants.js';
export { StreamHeaders, type HeadersInit } from './headers.js';
export { noOpNewStreamHandler } from './noop.js';
export { UpgradeFailureError, isUpgradeFailure } from './upgrade-failure.js';
export { hasBody, headerValues, isUpgradeRequest } from './upgrade-request.js';
export { checkUpgrade, type RefusalTiming } from './check-upgrade.js';
export { HandshakeError, handshake } from './handshake.js';
export { absorbErrors, refuseUpgrade, writeSwitchingProtocols, type RefusalOptions } from './respond.js';
export { failureStatus, parseStatus, type Status, type StatusCause } from './status.js';
export type { CloseReason } from './close-reason.js';
export type { ProxyOption } from './proxy-option.js';
export type {
  Connection,
  Dialer,
  IncomingStream,
  NewStreamHandler,
  ResponseUpgrader,
  Stream,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeRoundTripper,
} from './types.js';
export { anyResponseUpgrader, dialFirst } from './negotiate.js';
