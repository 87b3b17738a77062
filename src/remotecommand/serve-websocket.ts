import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  acceptChannels,
  type ChannelConnection,
  type ChannelMode,
  type ChannelOptions,
} from '../carrier/websocket/index.js';
import type { CloseReason } from '../httpstream/index.js';
import { CHANNELS, WEBSOCKET_SERVER_PROTOCOLS, protocolNamed } from './protocol.js';
import type { RemoteCommandProtocol, RemoteCommandRequest, RemoteCommandStreams } from './types.js';

/** Upgrades a request to a WebSocket whose messages carry the session's channels. Rejects after having answered. */
export async function acceptWebSocketStreams(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  request: RemoteCommandRequest,
  options: Omit<ChannelOptions, 'protocols' | 'channels'> & Partial<Pick<ChannelOptions, 'protocols'>>,
): Promise<RemoteCommandStreams> {
  const modes: ChannelMode[] = [];
  modes[CHANNELS.stdin] = request.stdin ? 'read' : 'ignore';
  modes[CHANNELS.stdout] = request.stdout ? 'write' : 'ignore';
  modes[CHANNELS.stderr] = request.stderr ? 'write' : 'ignore';
  modes[CHANNELS.error] = 'write';
  modes[CHANNELS.resize] = request.tty ? 'read' : 'ignore';
  const connection = await acceptChannels(req, socket, head, {
    protocols: WEBSOCKET_SERVER_PROTOCOLS,
    ...options,
    channels: modes,
  });
  const streams = new WebSocketStreams(connection, request);
  // An empty message on the first channel that can be written tells the client that the server is ready.
  (streams.stdout ?? streams.stderr ?? streams.error).write(Buffer.alloc(0));
  return streams;
}

/** The server's end of a session over a WebSocket. */
class WebSocketStreams implements RemoteCommandStreams {
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: Duplex | undefined;
  readonly stdout: Duplex | undefined;
  readonly stderr: Duplex | undefined;
  readonly resize: Duplex | undefined;
  readonly error: Duplex;
  readonly closed: Promise<CloseReason>;
  readonly #connection: ChannelConnection;

  constructor(connection: ChannelConnection, request: RemoteCommandRequest) {
    const channel = (wanted: boolean, number: number): Duplex | undefined =>
      wanted ? connection.channel(number) : undefined;
    this.#connection = connection;
    this.protocol = protocolNamed(connection.protocol, WEBSOCKET_SERVER_PROTOCOLS) ?? 'channel.k8s.io';
    this.stdin = channel(request.stdin, CHANNELS.stdin);
    this.stdout = channel(request.stdout, CHANNELS.stdout);
    this.stderr = channel(request.stderr, CHANNELS.stderr);
    this.resize = channel(request.tty, CHANNELS.resize);
    this.error = connection.channel(CHANNELS.error);
    this.closed = connection.closed;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  destroy(error?: Error): void {
    this.#connection.destroy(error);
  }
}
