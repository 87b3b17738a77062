import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP relay in front of a server on loopback, as reverse proxies are. */
export interface IdleProxy extends AsyncDisposable {
  readonly address: string;
  /** How many connections it cut because nothing passed. */
  readonly cuts: () => number;
  /** From now on nothing passes, and nobody is told. */
  stall(): void;
}

/** Starts a relay that cuts connections on which nothing has passed for `idleTimeout` milliseconds; 0 for never. */
export async function startIdleProxy(target: string, idleTimeout: number): Promise<IdleProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let stalled = false;
  const { hostname, port } = new URL(`tcp://${target}`);
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const relay = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.on('error', () => {});
      from.on('data', (chunk) => void (stalled || to.write(chunk)));
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    relay(client, upstream);
    relay(upstream, client);
    client.setTimeout(idleTimeout, () => {
      cuts++;
      client.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    stall: () => {
      stalled = true;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
