import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Where an upgraded connection is cut: after so many bytes in one direction. */
export interface Cut {
  readonly direction: 'request' | 'response';
  readonly bytes: number;
}

/** A TCP proxy that cuts connections whose request asks for an upgrade, and leaves the others alone. */
export interface CuttingProxy {
  readonly url: string;
  cut: Cut;
  /** How many connections were cut. */
  cuts(): number;
  close(): Promise<void>;
}

export async function cutUpgrades(backend: string): Promise<CuttingProxy> {
  const target = new URL(backend);
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    let upgrade: boolean | undefined;
    let left = proxy.cut.bytes;
    const pass = (from: Socket, to: Socket, direction: Cut['direction']): void => {
      from.on('data', (chunk: Buffer) => {
        upgrade ??= /^upgrade: /im.test(chunk.toString('latin1'));
        if (!upgrade || direction !== proxy.cut.direction) {
          to.write(chunk);
          return;
        }
        to.write(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        cuts++;
        // A reset, as from a router that lost its state; the bytes before it are let through first.
        setTimeout(() => both.forEach((socket) => socket.resetAndDestroy()), 20);
        from.pause();
      });
    };
    pass(client, upstream, 'request');
    pass(upstream, client, 'response');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: CuttingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: { direction: 'request', bytes: Infinity },
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
