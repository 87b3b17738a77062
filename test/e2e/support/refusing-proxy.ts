import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy that answers WebSocket requests with 400, as an API server without them does, and passes on the rest. */
export interface RefusingProxy {
  readonly url: string;
  /** How many requests were refused. */
  refused(): number;
  close(): Promise<void>;
}

const REFUSAL = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 12\r\nConnection: close\r\n\r\nno websocket';

export async function refuseWebSockets(backend: string): Promise<RefusingProxy> {
  const target = new URL(backend);
  const sockets = new Set<Socket>();
  let refused = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {}).on('close', () => sockets.delete(client));
    client.once('data', (first: Buffer) => {
      client.pause();
      if (/^upgrade: websocket\r$/im.test(first.toString('latin1'))) {
        refused++;
        client.end(REFUSAL);
        return;
      }
      const upstream = connect(Number(target.port), target.hostname);
      upstream.on('error', () => client.destroy());
      upstream.write(first);
      client.pipe(upstream).pipe(client);
      client.on('close', () => upstream.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: () => refused,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
