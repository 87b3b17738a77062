import type { RemoteCommandProtocol } from './types.js';

/** Header of a SPDY stream that says what it carries. */
export const STREAM_TYPE = 'streamType';

/** What a stream can carry, in the order in which clients open them. */
export const STREAM_TYPES = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
export type StreamType = (typeof STREAM_TYPES)[number];

/** Numbers of the WebSocket channels (apimachinery `remotecommand` constants). */
export const CHANNELS: Readonly<Record<StreamType, number>> = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 };

/** Every subprotocol that carries bytes as they are, newest first. */
export const PROTOCOLS: readonly RemoteCommandProtocol[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];

/** What SPDY servers list. The fifth version only adds the CLOSE signal of WebSockets, so the originals leave it out. */
export const SPDY_SERVER_PROTOCOLS: readonly RemoteCommandProtocol[] = PROTOCOLS.slice(1);

/** What WebSocket servers list. Of several the client's first wins; the originals know v2 and v3 over SPDY only. */
export const WEBSOCKET_SERVER_PROTOCOLS: readonly RemoteCommandProtocol[] = [
  ...PROTOCOLS,
  'v4.base64.channel.k8s.io',
  'base64.channel.k8s.io',
];

function version(protocol: RemoteCommandProtocol): number {
  return Number(/^v(\d)\./.exec(protocol)?.[1] ?? 1);
}

/** Whether the error stream carries a Status as JSON (v4 on) rather than text. */
export function carriesStatus(protocol: RemoteCommandProtocol): boolean {
  return version(protocol) >= 4;
}

/** Whether there is a stream for terminal sizes (v3 on). */
export function carriesResize(protocol: RemoteCommandProtocol): boolean {
  return version(protocol) >= 3;
}

/**
 * The protocol a peer named, or `undefined` when it is none. No name at all means the first version, as for a WebSocket
 * client that negotiates nothing.
 */
export function protocolNamed(
  name: string,
  known: readonly RemoteCommandProtocol[] = PROTOCOLS,
): RemoteCommandProtocol | undefined {
  if (name === '') return 'channel.k8s.io';
  return known.find((protocol) => protocol === name);
}
