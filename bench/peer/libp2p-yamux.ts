import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { yamux } from '@chainsafe/libp2p-yamux';
import { SocketMessageStream } from './libp2p-socket.js';
import { streamServer, useStreams } from './traffic.js';
import { endedEarly, listen, type Wire } from './wire.js';

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>;
type MuxerStream = Awaited<ReturnType<Muxer['createStream']>>;

/** js-libp2p's yamux, with default settings, straight over TCP: no encryption, no protocol negotiation. */
export const libp2pYamux: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    const server = createServer({ noDelay: true }, (socket) => {
      connected();
      const muxer = muxerOver(socket, 'inbound');
      muxer.addEventListener('stream', ({ detail }) => serveStream(duplexOver(detail)));
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const socket = connect({ ...options.address, noDelay: true });
    await once(socket, 'connect');
    socket.once('close', () => endedEarly(undefined));
    const muxer = muxerOver(socket, 'outbound');
    await useStreams(async () => duplexOver(await muxer.createStream()), options, tally);
  },
};

function muxerOver(socket: Socket, direction: 'inbound' | 'outbound'): Muxer {
  offerWithResolvers();
  return yamux()().createStreamMuxer(new SocketMessageStream(socket, direction));
}

/** It measures its round trip, and with it sizes its windows, by what Node 20 lacks. */
function offerWithResolvers(): void {
  if ('withResolvers' in Promise) return;
  const value = (): unknown => {
    const settle = {};
    const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
    return { promise, ...settle };
  };
  Object.defineProperty(Promise, 'withResolvers', { value });
}

/** Its streams are event targets; all others here are a `Duplex`. */
function duplexOver(stream: MuxerStream): Duplex {
  const duplex = new Duplex({
    // Nobody here stops reading.
    read() {},
    write(chunk: Buffer, _encoding, callback) {
      if (stream.send(chunk)) callback();
      else stream.addEventListener('drain', () => callback(), { once: true });
    },
    final(callback) {
      void stream.close();
      callback();
    },
  });
  stream.addEventListener('message', ({ data }) => {
    for (const part of data instanceof Uint8Array ? [data] : data) duplex.push(part);
  });
  stream.addEventListener('remoteCloseWrite', () => duplex.push(null));
  stream.addEventListener('close', ({ error }) => {
    if (error !== undefined) duplex.destroy(error);
  });
  return duplex;
}
