import { once } from 'node:events';
import { createServer } from 'node:http';
import { Writable } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { Producer } from './producer.js';
import type { PeerOptions } from './options.js';
import type { Tally } from './tally.js';
import { pings } from './traffic.js';
import { listen, type Wire } from './wire.js';

const OPTIONS = { perMessageDeflate: false };
/** Bytes that may wait in the WebSocket, as many as Trunkline lets wait. */
const MAX_BUFFERED = 256 * 1024;

/** The package `ws` alone, one message per write. */
export const webSocket: Wire = {
  async serve(options, tally, connected) {
    const server = createServer();
    new WebSocketServer({ ...OPTIONS, server }).on('connection', (socket) => {
      connected();
      socket.on('error', () => {});
      transfer(socket, options, tally);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const { host, port } = options.address;
    const socket = new WebSocket(`ws://${host}:${port}`, OPTIONS);
    // At once: the first message can come in the same chunk as the upgrade.
    if (!options.sends) transfer(socket, options, tally);
    await once(socket, 'open');
    if (options.sends) transfer(socket, options, tally);
  },
};

function transfer(socket: WebSocket, options: PeerOptions, tally: Tally): void {
  if (options.kind === 'pingpong') exchange(socket, options, tally);
  else if (options.sends) new Producer(options.size, tally).add(messages(socket));
  else socket.on('message', (data: Buffer) => tally.received(data.length));
}

function exchange(socket: WebSocket, { role, size }: PeerOptions, tally: Tally): void {
  if (role === 'client') {
    const back = pings(size, tally, (message) => socket.send(message));
    socket.on('message', (data: Buffer) => back(data.length));
    return;
  }
  socket.on('message', (data: Buffer) => {
    socket.send(data);
    tally.received(data.length);
  });
}

/** Sends each write as one message. */
function messages(socket: WebSocket): Writable {
  let waiting = (): void => {};
  const sent = (): void => {
    const resume = waiting;
    waiting = () => {};
    resume();
  };
  return new Writable({
    highWaterMark: MAX_BUFFERED,
    write(chunk: Buffer, _encoding, callback) {
      socket.send(chunk, sent);
      if (socket.bufferedAmount < MAX_BUFFERED) callback();
      else waiting = callback;
    },
  });
}
