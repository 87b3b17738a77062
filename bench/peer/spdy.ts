import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Connection, Stream } from '../../src/index.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import { Producer } from './producer.js';
import type { Tally } from './tally.js';
import { listen, repeat, type Wire } from './wire.js';

const HEADERS = { case: 'bench' };

/** Our SPDY engine straight over TCP, with default settings. */
export const spdy: Wire = {
  async serve(options, tally, connected) {
    const producer = new Producer(options.size, tally);
    // As the sockets of `node:http` are, on which upgrades come.
    const server = createServer({ noDelay: true }, (socket) => {
      connected();
      newSpdyServerConnection(socket, (stream) => {
        if (options.kind === 'openclose') answer(stream, tally);
        else if (options.sends) producer.add(stream);
        else stream.on('data', (chunk: Buffer) => tally.received(chunk.length));
      });
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const socket = connect({ ...options.address, noDelay: true });
    await once(socket, 'connect');
    const connection = newSpdyClientConnection(socket);
    void connection.closed.then(({ error }) => fail(error));
    if (options.kind === 'openclose') {
      repeat(options.streams, tally, () => exchange(connection));
      return;
    }
    const producer = new Producer(options.size, tally);
    for (let i = 0; i < options.streams; i++) {
      const stream = await connection.createStream(HEADERS);
      if (options.sends) producer.add(stream);
      else stream.on('data', (chunk: Buffer) => tally.received(chunk.length));
    }
  },
};

function answer(stream: Stream, tally: Tally): void {
  stream.on('data', (chunk: Buffer) => {
    stream.end(chunk);
    tally.bytes++;
    tally.ops++;
  });
}

async function exchange(connection: Connection): Promise<void> {
  const stream = await connection.createStream(HEADERS);
  stream.end('x');
  let received = 0;
  stream.on('data', (chunk: Buffer) => (received += chunk.length));
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  if (received !== 1) throw new Error(`${received} bytes came back, not 1`);
}

function fail(error: Error | undefined): never {
  throw new Error('the connection ended before the window did', { cause: error });
}
