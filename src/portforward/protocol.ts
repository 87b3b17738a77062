/** The stream protocol of port-forward over SPDY (client-go `PortForwardProtocolV1Name`). */
export const STREAM_PROTOCOL = 'portforward.k8s.io';

/** WebSocket subprotocol of the tunnel: binary messages that carry a SPDY connection. No RFC token, because of the `/`. */
export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';

/** WebSocket subprotocol with two channels per port. */
export const CHANNEL_PROTOCOL = 'v4.channel.k8s.io';

/** The same with text messages. */
export const BASE64_CHANNEL_PROTOCOL = 'v4.base64.channel.k8s.io';

/** Headers of the streams (core `v1.StreamType` and its neighbours). */
export const STREAM_TYPE = 'streamType';
export const PORT = 'port';
export const REQUEST_ID = 'requestID';
/**
 * Ours: on an error stream it says that the client takes text on it as the failure of that one connection. Clients
 * without it, client-go's among them, end the whole session upon any text. Servers that do not know it ignore it.
 */
export const ERROR_SCOPE = 'errorScope';
export const ERROR_SCOPE_CONNECTION = 'connection';

/** The highest TCP port. */
export const MAX_PORT = 65_535;

/** How a connection is carried. */
export type PortForwardTransport = 'tunnel' | 'spdy' | 'websocket';
