import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import { streamServer, useStreams } from './traffic.js';
import { endedEarly, listen, type Wire } from './wire.js';

const HEADERS = { case: 'bench' };

/** Our SPDY engine straight over TCP, with default settings. */
export const spdy: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    // As the sockets of `node:http` are, on which upgrades come.
    const server = createServer({ noDelay: true }, (socket) => {
      connected();
      newSpdyServerConnection(socket, serveStream);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const socket = connect({ ...options.address, noDelay: true });
    await once(socket, 'connect');
    const connection = newSpdyClientConnection(socket);
    void connection.closed.then(({ error }) => endedEarly(error));
    await useStreams(() => connection.createStream(HEADERS), options, tally);
  },
};
