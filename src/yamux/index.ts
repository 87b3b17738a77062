/**
 * yamux: the default engine of connections between two ends of ours, and plain for everybody else's.
 *
 * Source: hashicorp/yamux `spec.md`; the headers are ours, see docs/wire/yamux.md.
 */
export {
  newYamuxClientConnection,
  newYamuxServerConnection,
  type YamuxClientOptions,
  type YamuxConnectionOptions,
} from './connection.js';
export { YamuxResponseUpgrader } from './response-upgrader.js';
export { YamuxRoundTripper } from './round-tripper.js';
