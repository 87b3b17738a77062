export {
  newSpdyClientConnection,
  newSpdyServerConnection,
  type SpdyClientOptions,
  type SpdyConnectionOptions,
} from './connection.js';
export type { ConnectionOptions, StallPolicy } from '../mux/options.js';
export { SpdyResponseUpgrader } from './response-upgrader.js';
export { SpdyRoundTripper } from './round-tripper.js';
