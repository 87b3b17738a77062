import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { EventLog } from '../../../src/push/index.js';
import { longPollHandler } from '../../../src/push/index.js';
import { sseHandler } from '../../../src/push/sse/index.js';
import { SERVER_CERT, SERVER_KEY } from '../../support/certificates.js';

const PAGE = '<!doctype html><title>page</title><link rel="icon" href="data:,">';
type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** A log behind handlers at `/events` and `/v2/keys/`, and a page at `/`. */
export interface PushServer extends AsyncDisposable {
  readonly port: number;
  /** Stops to listen and cuts everybody off; `in order` has the handlers end their responses first. */
  stop(how: 'at once' | 'in order'): Promise<void>;
  /** Listens again, on the same port and with new handlers over the same log. */
  start(): Promise<void>;
}

export async function startPushServer(log: EventLog, protocol: 'http' | 'http2'): Promise<PushServer> {
  let running = await listen(log, protocol, 0);
  const { port } = running;
  return {
    port,
    stop: async (how) => await running.stop(how),
    async start() {
      running = await listen(log, protocol, port);
    },
    [Symbol.asyncDispose]: async () => await running.stop('at once'),
  };
}

async function listen(
  log: EventLog,
  protocol: 'http' | 'http2',
  port: number,
): Promise<Pick<PushServer, 'port' | 'stop'>> {
  const events = sseHandler(log, { retry: 10, cors: true });
  const keys = longPollHandler(log);
  const handle = (request: Request, response: Response): void => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/events') events(request, response);
    else if (pathname.startsWith('/v2/keys/')) keys(request, response);
    // Closed, so that no connection that a page came over is used for events and escapes the cuts.
    else response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
  };
  const server: Server | Http2SecureServer =
    protocol === 'http'
      ? createServer(handle)
      : createSecureServer({ cert: SERVER_CERT, key: SERVER_KEY, allowHTTP1: true }, handle);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // Connections that are cut in the handshake.
  server.on('tlsClientError', () => {});
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop(how) {
      if (!server.listening) return;
      const closed = once(server, 'close');
      if (how === 'in order') {
        events.close();
        keys.close();
      }
      server.close();
      // What was ended in order leaves before the cut.
      setImmediate(() => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
    },
  };
}
