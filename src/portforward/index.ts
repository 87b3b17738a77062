/**
 * Port-forward, both ends: `portForwardHandler` serves it, `portForward` uses it. Over SPDY (`portforward.k8s.io`),
 * through the WebSocket tunnel (`SPDY/3.1+portforward.k8s.io`), and over WebSocket channels (`v4.channel.k8s.io`).
 */
export type { Credentials, PodTarget, StreamTarget, UrlTarget } from '../carrier/target.js';
export { portForward } from './client.js';
export type {
  ForwardedConnection,
  PortForward,
  PortForwardEnd,
  PortForwardOptions,
  PortForwardTarget,
  ReconnectOptions,
} from './client-types.js';
export { ListenError, PortForwardError, PortNotAllowedError } from './errors.js';
export { portForwardHandler } from './handler.js';
export type { ForwardedPort } from './listeners.js';
export type { PortMapping, PortSpec } from './listen-spec.js';
export type { PortForwardTransport } from './protocol.js';
export type { PortForwardHandlerOptions } from './settings.js';
export type { DialPort, PortForwardDial, PortForwardHandler } from './types.js';
