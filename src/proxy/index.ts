/**
 * Proxies between protocols: `UpgradeAwareProxy` for plain requests and upgrades, `streamTranslator` from WebSocket to
 * SPDY for exec and attach, `streamTunnel` from SPDY inside a WebSocket to SPDY.
 *
 * Sources: apimachinery `pkg/util/proxy`, apiserver `pkg/util/proxy`.
 */
export type { OriginOptions, Refusal } from '../carrier/websocket/index.js';
export {
  AddressDeniedError,
  allowAnyAddress,
  denyLocalAddresses,
  denyPrivateAddresses,
  type AddressPolicy,
  type BackendAddress,
  type Lookup,
} from './addresses.js';
export type { ProxyTarget, UpgradeAwareProxyOptions } from './options.js';
export { streamTranslator, type StreamTranslatorOptions } from './stream-translator.js';
export { isTunnelRequest, streamTunnel, type StreamTunnelOptions } from './stream-tunnel.js';
export { UpgradeAwareProxy } from './upgrade-aware-proxy.js';
export type { UpgradeHandler } from './upgrade-call.js';
