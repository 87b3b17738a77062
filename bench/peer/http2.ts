import { once } from 'node:events';
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type Http2Session,
  type SessionOptions,
} from 'node:http2';
import type { PeerOptions } from './options.js';
import { streamServer, useStreams } from './traffic.js';
import { endedEarly, listen, type Wire } from './wire.js';

const LARGE_FRAME = 64 * 1024;
const LARGE_SESSION_WINDOW = 64 * 1024 * 1024;
/** Megabytes that a session may hold before it refuses streams. */
const SESSION_MEMORY = 256;
const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_STATUS } = constants;
const REQUEST = { [HTTP2_HEADER_METHOD]: 'POST', [HTTP2_HEADER_PATH]: '/', case: 'bench' };
const RESPONSE = { [HTTP2_HEADER_STATUS]: 200 };

/** A request per stream over HTTP/2 without TLS. With a stream window given, frames and session are large too. */
export const http2: Wire = {
  async serve(options, tally, connected) {
    const serveStream = streamServer(options, tally);
    const server = createServer(sessionOptions(options));
    server.on('session', (session) => {
      connected();
      widen(session, options);
    });
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond(RESPONSE);
      serveStream(stream);
    });
    return await listen(server);
  },

  async connect(options, tally) {
    const { host, port } = options.address;
    const session = connect(`http://${host}:${port}`, sessionOptions(options));
    session.once('close', () => endedEarly(undefined));
    // Before that, the session keeps to the limits of a peer that it knows nothing about.
    await Promise.all([once(session, 'connect'), once(session, 'remoteSettings')]);
    widen(session, options);
    await useStreams(() => request(session), options, tally);
  },
};

function request(session: ClientHttp2Session): ReturnType<ClientHttp2Session['request']> {
  return session.request(REQUEST, { endStream: false });
}

function sessionOptions({ streamWindow }: PeerOptions): SessionOptions {
  if (streamWindow === undefined) return {};
  return {
    maxSessionMemory: SESSION_MEMORY,
    settings: { initialWindowSize: streamWindow, maxFrameSize: LARGE_FRAME },
  };
}

function widen(session: Http2Session, { streamWindow }: PeerOptions): void {
  if (streamWindow !== undefined) session.setLocalWindowSize(LARGE_SESSION_WINDOW);
}
