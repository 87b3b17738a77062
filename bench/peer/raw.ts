import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { PeerOptions } from './options.js';
import type { Tally } from './tally.js';
import { streamServer, useStreams } from './traffic.js';
import { listen, repeat, type Wire } from './wire.js';

/** TCP sockets with nothing on them: what everything else is compared with. */
export const raw: Wire = {
  async serve(options, tally, connected) {
    const serveSocket = streamServer(options, tally);
    const server = createServer(socketOptions(options), (socket) => {
      connected();
      socket.on('error', () => {});
      if (options.kind === 'openclose') answer(socket, tally);
      else serveSocket(socket);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    if (options.kind === 'openclose') {
      await exchange(options);
      repeat(options.streams, tally, () => exchange(options));
      return;
    }
    const open = async (): Promise<Socket> => {
      const socket = connect({ ...options.address, ...socketOptions(options) });
      await once(socket, 'connect');
      return socket;
    };
    await useStreams(open, options, tally);
  },
};

function socketOptions({ highWaterMark, noDelay }: PeerOptions): { noDelay: boolean; highWaterMark?: number } {
  return { noDelay, ...(highWaterMark === undefined ? {} : { highWaterMark }) };
}

/** Leaves the socket open: the client resets it. */
function answer(socket: Socket, tally: Tally): void {
  socket.once('data', (chunk) => {
    socket.write(chunk);
    tally.bytes++;
    tally.ops++;
  });
}

async function exchange({ address }: PeerOptions): Promise<void> {
  const socket = connect(address);
  await once(socket, 'connect');
  socket.write('x');
  await once(socket, 'data');
  // A reset, because thousands of connections a second in TIME-WAIT would use up the ports.
  socket.resetAndDestroy();
}
