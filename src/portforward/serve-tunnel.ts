import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptWebSocketDuplex } from '../carrier/websocket/index.js';
import { newSpdyServerConnection, type SpdyConnectionOptions } from '../spdy/index.js';
import { TUNNEL_PROTOCOL } from './protocol.js';
import { StreamSession } from './serve-streams.js';
import type { ForwardSettings } from './settings.js';

/**
 * Serves port-forward over SPDY inside a WebSocket. Rejects after having answered; never after the upgrade.
 *
 * Source: apiserver `proxy/streamtunnel.go`.
 */
export async function serveTunnel(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  settings: ForwardSettings,
  options: SpdyConnectionOptions,
): Promise<void> {
  const { clock, limits } = settings;
  const { duplex } = await acceptWebSocketDuplex(req, socket, head, { protocols: [TUNNEL_PROTOCOL], clock, limits });
  const session = new StreamSession(req, settings);
  session.attach(newSpdyServerConnection(duplex, session.handle, options));
}
