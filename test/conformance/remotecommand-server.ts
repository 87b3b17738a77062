import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, IncomingStream } from '../../src/httpstream/index.js';
import { SpdyResponseUpgrader } from '../../src/spdy/index.js';

/** A server on loopback whose upgrade requests go to a handler. */
export interface UpgradeServer extends AsyncDisposable {
  /** Address of an exec endpoint. */
  readonly url: string;
  /** `Upgrade` header of each request, in order. */
  readonly upgrades: string[];
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
}

export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Starts a server; disposing cuts its connections. */
export async function listen(handler: UpgradeHandler): Promise<UpgradeServer> {
  const upgrades: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_req, res) => res.writeHead(404).end());
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrades.push(req.headers.upgrade ?? '');
    handler(req, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api/v1/namespaces/default/pods/p/exec`,
    upgrades,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a hand-made SPDY server does with each stream. */
export type StreamPlan = (type: string, stream: IncomingStream, connection: Connection) => void;

/** A handler that speaks SPDY by hand, with `protocol` as its choice; WebSockets are refused. */
export function spdyByHand(plan: StreamPlan, protocol = 'v4.channel.k8s.io'): UpgradeHandler {
  const upgrader = new SpdyResponseUpgrader();
  return (req, socket, head) => {
    const connection: Connection | undefined = upgrader.upgradeResponse(
      req,
      socket,
      head,
      (stream) => {
        stream.resume();
        if (connection !== undefined) plan(stream.headers.get('streamtype') ?? '', stream, connection);
      },
      { 'X-Stream-Protocol-Version': protocol },
    );
  };
}

/** Waits until `condition` holds; the test's own deadline ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

/** The Status of an exit code, as the originals send it. */
export function exitStatus(code: number): string {
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  });
}

export const SUCCESS = '{"metadata":{},"status":"Success"}';
