import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { acceptWebSocketDuplex, dialWebSocketDuplex } from '../../src/carrier/websocket/index.js';
import type { Connection } from '../../src/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { streamServer, useStreams } from './traffic.js';
import { endedEarly, listen, type Wire } from './wire.js';

const HEADERS = { case: 'bench' };
const SUBPROTOCOLS = { protocols: ['yamux-headers.v1'] };

/** Our yamux engine straight over TCP, with default settings: streams carry headers. */
export const yamux: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    // As the sockets of `node:http` are, on which upgrades come.
    const server = createServer({ noDelay: true }, (socket) => {
      connected();
      newYamuxServerConnection(socket, serveStream);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const socket = connect({ ...options.address, noDelay: true });
    await once(socket, 'connect');
    await useStreams(opener(newYamuxClientConnection(socket)), options, tally);
  },
};

/** The same inside a WebSocket. */
export const yamuxInWebSocket: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    const server = createHttpServer().on('upgrade', (req, socket, head) => {
      connected();
      void acceptWebSocketDuplex(req, socket, head, SUBPROTOCOLS).then(({ duplex }) =>
        newYamuxServerConnection(duplex, serveStream),
      );
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const { host, port } = options.address;
    const { duplex } = await dialWebSocketDuplex({ url: `ws://${host}:${port}` }, SUBPROTOCOLS);
    await useStreams(opener(newYamuxClientConnection(duplex)), options, tally);
  },
};

function opener(connection: Connection): () => ReturnType<Connection['openStream']> {
  void connection.closed.then(({ error }) => endedEarly(error));
  return () => connection.openStream(HEADERS);
}
