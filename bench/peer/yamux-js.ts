import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client, Server } from 'yamux-js';
import type { Tally } from './tally.js';
import { streamServer, useStreams } from './traffic.js';
import { endedEarly, listen, repeat, type Wire } from './wire.js';

const SILENT = { logger: () => {} };
const X = 'x'.charCodeAt(0);

/** The package yamux-js, straight over TCP. Its streams tell of no end, and close by a call of their own. */
export const yamuxJs: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    const server = createServer({ noDelay: true }, (socket) => {
      connected();
      const session = new Server((stream) => {
        stream.on('error', () => {});
        checkContent(stream);
        if (options.kind === 'openclose') answer(stream, tally);
        else serveStream(stream);
      }, SILENT);
      socket.on('error', () => {});
      socket.pipe(session).pipe(socket);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const socket = connect({ ...options.address, noDelay: true });
    await once(socket, 'connect');
    socket.once('close', () => endedEarly(undefined));
    const session = new Client(SILENT);
    socket.pipe(session).pipe(socket);
    if (options.kind === 'openclose') repeat(options.streams, tally, () => exchange(session.open()));
    else await useStreams(() => session.open(), options, tally);
  },
};

/** A stream with its way of ending. */
type YamuxStream = ReturnType<Client['open']>;

/** Data that it garbled must not count as transferred. */
function checkContent(stream: Duplex): void {
  stream.on('data', (chunk: Buffer) => {
    if (chunk[0] !== X || chunk.at(-1) !== X) throw new Error('what arrives is not what was sent');
  });
}

function answer(stream: Duplex, tally: Tally): void {
  stream.once('data', (chunk: Buffer) => {
    stream.write(chunk);
    if ('close' in stream && typeof stream.close === 'function') stream.close();
    tally.bytes++;
    tally.ops++;
  });
}

async function exchange(stream: YamuxStream): Promise<void> {
  stream.write('x');
  await once(stream, 'data');
  stream.close();
}
