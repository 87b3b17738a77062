import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Producer } from './producer.js';
import type { PeerOptions } from './options.js';
import type { Tally } from './tally.js';
import { listen, repeat, type Wire } from './wire.js';

/** TCP sockets with nothing on them: what everything else is compared with. */
export const raw: Wire = {
  async serve(options, tally, connected) {
    const transfer = transferOver(options, tally);
    const server = createServer(socketOptions(options), (socket) => {
      connected();
      socket.on('error', () => {});
      if (options.kind === 'openclose') answer(socket, tally);
      else transfer(socket);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    if (options.kind === 'openclose') {
      await exchange(options);
      repeat(options.streams, tally, () => exchange(options));
      return;
    }
    const transfer = transferOver(options, tally);
    for (let i = 0; i < options.streams; i++) {
      const socket = connect({ ...options.address, ...socketOptions(options) });
      await once(socket, 'connect');
      transfer(socket);
    }
  },
};

function socketOptions({ highWaterMark, noDelay }: PeerOptions): { noDelay: boolean; highWaterMark?: number } {
  return { noDelay, ...(highWaterMark === undefined ? {} : { highWaterMark }) };
}

function transferOver(options: PeerOptions, tally: Tally): (socket: Socket) => void {
  const producer = new Producer(options.size, tally, options.cork);
  return (socket) => {
    if (options.sends) producer.add(socket);
    else socket.on('data', (chunk) => tally.received(chunk.length));
  };
}

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
