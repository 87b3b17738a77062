import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Connection, IncomingStream, NewStreamHandler, Stream } from '../../../src/httpstream/index.js';
import { acceptWebSocketDuplex, WebSocketResponseUpgrader } from '../../../src/websocket/index.js';

const PIECE = Buffer.alloc(64 * 1024, 'flood');
const HTML =
  '<!doctype html><title>trunkline</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';

/** Length and digest of what the server got on an echoed stream. */
export interface Echoed {
  readonly bytes: number;
  readonly sha256: string;
}

/** One page's connection, as the server sees it. */
export interface ServedPage {
  readonly connection: Connection;
  /** Bytes that were written to the network. */
  readonly bytesSent: () => number;
  readonly cut: () => void;
}

/** An HTTP server with a page, its script, and streams in WebSockets at `/streams`. */
export class PageServer implements AsyncDisposable {
  /** By the header `index`. */
  readonly echoed: Map<string, Echoed> = new Map();
  /** How streams ended that were watched, by the header `how`. */
  readonly watched: Map<string, Error | null> = new Map();
  /** What streams got that had only to listen. */
  readonly heard: number[] = [];
  readonly pages: ServedPage[] = [];
  readonly #upgrader = new WebSocketResponseUpgrader({ pingPeriod: 0 });
  readonly #server = createServer((req, res) => {
    const script = req.url === '/page.js';
    res.writeHead(200, {
      'content-type': script ? 'text/javascript' : 'text/html; charset=utf-8',
      // As strict pages have it: no eval.
      'content-security-policy': "default-src 'self'; img-src data:",
    });
    res.end(script ? this.#code : HTML);
  });
  readonly #code: string;
  readonly #sockets = new Set<Duplex>();

  /** @param code the page's script. */
  constructor(code: string) {
    this.#code = code;
    this.#server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => {});
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      void this.#upgrade(req, socket, head);
    });
  }

  /** Resolves with `host:port`. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.pages.map(({ connection }) => connection.closed));
  }

  async #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (req.url === '/never') return;
    if (req.url === '/refused') {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    if (req.url === '/other') {
      const { duplex } = await acceptWebSocketDuplex(req, socket, head, { protocols: ['other.v1'] });
      duplex.resume();
      return;
    }
    let page: ServedPage | undefined;
    const connection = this.#upgrader.upgradeResponse(req, socket, head, (stream) => this.#serve(stream, page));
    if (connection === undefined) return;
    const bytesSent = (): number => (socket as Duplex & { readonly bytesWritten: number }).bytesWritten;
    page = { connection, bytesSent, cut: () => socket.destroy() };
    this.pages.push(page);
  }

  #serve(stream: IncomingStream, page: ServedPage | undefined): ReturnType<NewStreamHandler> {
    const kind = stream.headers.get('kind') ?? 'echo';
    switch (kind) {
      case 'echo':
        return this.#echo(stream);
      case 'flood':
        return pipeline(flood, stream);
      case 'unread':
        return undefined;
      case 'count':
        return buffer(stream).then(({ length }) => void stream.end(String(length)));
      case 'greet-then-listen':
        stream.end('welcome');
        return buffer(stream).then(({ length }) => void this.heard.push(length));
      case 'watch':
        stream.resume().write('look');
        stream.once('close', () => this.watched.set(stream.headers.get('how') ?? '', stream.errored));
        return undefined;
      case 'reset-after-hello':
        stream.write('hello', () => stream.reset('internal-error'));
        return undefined;
      case 'refuse':
        return stream.refuse('refused', 'no room for you');
      case 'never':
        return stream.deferReply();
    }
    if (page === undefined) throw new Error('a stream before its connection');
    if (kind === 'call-back') return callBack(page.connection, stream);
    if (kind === 'cut' || kind === 'close') return endAfterHello(page, stream, kind);
    throw new Error(`no such kind: ${kind}`);
  }

  async #echo(stream: Stream): Promise<void> {
    const hash = createHash('sha256');
    let bytes = 0;
    await pipeline(
      stream,
      async function* pass(chunks) {
        for await (const chunk of chunks) {
          hash.update(chunk as Buffer);
          bytes += (chunk as Buffer).length;
          yield chunk;
        }
      },
      stream,
    );
    this.echoed.set(stream.headers.get('index') ?? '', { bytes, sha256: hash.digest('hex') });
  }
}

function* flood(): Generator<Buffer> {
  for (;;) yield PIECE;
}

/** Once the page has read `hello`, the connection goes away. */
async function endAfterHello({ connection, cut }: ServedPage, stream: Stream, kind: 'cut' | 'close'): Promise<void> {
  stream.write('hello');
  // The answer to a ping comes after what was sent before it.
  await connection.ping();
  if (kind === 'cut') cut();
  else await connection.close();
}

/** Opens streams to the page, and reports how that went. */
async function callBack(connection: Connection, report: Stream): Promise<void> {
  const sent = Buffer.alloc(300_000, 'to the page');
  const roundTrip = async (kind: string): Promise<boolean> => {
    const stream = await connection.createStream({ kind });
    stream.end(sent);
    return (await buffer(stream)).equals(sent);
  };
  const refusal = async (kind: string): Promise<unknown> =>
    await connection.createStream({ kind }).then(
      () => 'accepted',
      ({ code, reason, message }: { code?: string; reason?: string; message: string }) => ({ code, reason, message }),
    );
  const [echoed, later, unwanted, rejected] = await Promise.all([
    roundTrip('echo'),
    roundTrip('later'),
    refusal('unwanted'),
    refusal('rejected'),
  ]);
  report.end(JSON.stringify({ echoed, later, unwanted, rejected }));
}
