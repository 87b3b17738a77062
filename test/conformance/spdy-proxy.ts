import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A client's and a server's socket with a plain TCP proxy between them. */
export async function startTcpProxy(): Promise<{ client: Socket; server: Socket; stop(): Promise<void> }> {
  const backend = createServer({ allowHalfOpen: true });
  const front = createServer({ allowHalfOpen: true });
  backend.listen(0, '127.0.0.1');
  front.listen(0, '127.0.0.1');
  await Promise.all([once(backend, 'listening'), once(front, 'listening')]);
  front.on('connection', (socket) => {
    const onward = connect({ port: portOf(backend), host: '127.0.0.1', allowHalfOpen: true });
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  const accepted = once(backend, 'connection') as Promise<[Socket]>;
  const client = connect({ port: portOf(front), host: '127.0.0.1', allowHalfOpen: true });
  const [server] = await accepted;
  return {
    client,
    server,
    stop: async () => {
      front.close();
      backend.close();
      await Promise.all([once(front, 'close'), once(backend, 'close')]);
    },
  };
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address)) throw new Error('no port');
  return Number(address.port);
}
