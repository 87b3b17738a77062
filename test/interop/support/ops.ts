import { once } from 'node:events';
import type { Connection, IncomingStream, NewStreamHandler, Stream } from '../../../src/httpstream/index.js';
import { digestOf, patternChunks } from './pattern.js';

/** How a stream that half-closed first ended. */
export interface HalfCloseReport {
  readonly bytes: number;
  readonly sha256: string;
}

export interface OpsOptions {
  /** The connection that the streams belong to, for `call-back`, `ping` and `go-away`. */
  readonly connection: () => Connection;
  /** Drops the socket, for `cut`. */
  readonly cut: () => void;
  readonly onHalfClose?: (report: HalfCloseReport) => void;
}

/** Serves streams by their `op` header, as test/interop/go/cmd/spdypeer does in Go. */
export function serveOps(options: OpsOptions): NewStreamHandler {
  return (stream) => {
    const op = stream.headers.get('op') ?? 'echo';
    switch (op) {
      case 'refuse':
        stream.refuse('refused');
        return;
      case 'cancel':
        stream.refuse('cancel');
        return;
      case 'silent':
        stream.deferReply();
        return;
      default:
        return serve(stream, op, options);
    }
  };
}

async function serve(stream: IncomingStream, op: string, options: OpsOptions): Promise<void> {
  const size = Number(stream.headers.get('bytes') ?? 0);
  switch (op) {
    case 'digest':
      stream.end(JSON.stringify(await digestOf(readOnly(stream))));
      return;
    case 'pattern':
      stream.resume();
      for (const chunk of patternChunks(size)) if (!stream.write(chunk)) await once(stream, 'drain');
      stream.end();
      return;
    case 'headers':
      stream.resume();
      stream.end(JSON.stringify(Object.fromEntries(stream.headers.entries())));
      return;
    case 'half-close':
      stream.end();
      options.onHalfClose?.(await digestOf(readOnly(stream)));
      return;
    case 'reset-after':
      await readUpTo(stream, size);
      stream.reset();
      return;
    case 'call-back':
      stream.end(JSON.stringify(await callBack(options.connection())));
      return;
    case 'ping':
      await options.connection().ping();
      stream.end('pong');
      return;
    case 'go-away':
      stream.end();
      await options.connection().close();
      return;
    case 'cut':
      // After the reply has left: spdystream never hears of a connection lost before it.
      setTimeout(options.cut, 50);
      return;
    default:
      stream.pipe(stream);
  }
}

function readUpTo(stream: Stream, size: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.length;
      if (seen >= size) resolve();
    });
  });
}

async function callBack(connection: Connection): Promise<Record<string, unknown>> {
  const sent = 'called back';
  const stream = await connection.createStream({ op: 'echo' });
  stream.end(sent);
  return { sent, received: await textOf(stream), streamId: stream.id, err: '' };
}

/** What the stream gives; unlike iterating over the stream itself, reading to the end leaves its writing side open. */
export function readOnly(stream: Stream): AsyncIterable<Uint8Array> {
  return stream.iterator({ destroyOnReturn: false });
}

/** Everything that the stream gives, as text. */
export async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
