import { once } from 'node:events';
import type { Connection, NewStreamHandler, Stream } from '../../../src/httpstream/index.js';
import { seededRandom } from '../../../src/testing/random.js';
import { textOf } from './ops.js';
import { digestOf, patternChunks } from './pattern.js';

/** What a stream received to its end. */
export interface Transfer {
  readonly bytes: number;
  readonly sha256: string;
}

/** What the streams of one connection are served with. */
export interface LineOptions {
  readonly connection: () => Connection;
  /** Told of each `duplex` and `half-close`, once the peer's data has come to its end. */
  readonly received?: (sum: Transfer) => void;
}

/**
 * Serves streams by their first line, as test/interop/go/cmd/yamuxpeer does in Go: plain yamux has no headers that could
 * say what a stream is for.
 */
export function serveLines(options: LineOptions): NewStreamHandler {
  const held = new Set<Stream>();
  let nowFilled = (_bytes: number): void => {};
  const filled = new Promise<number>((resolve) => (nowFilled = resolve));
  let goOn = (): void => {};
  return async (stream) => {
    const line = await readLine(stream);
    const [op = '', first = '', second = ''] = line.split(' ');
    switch (op) {
      case 'echo':
        stream.pipe(stream);
        return;
      case 'digest':
        stream.end(JSON.stringify(await digestOf(stream)));
        return;
      case 'duplex': {
        const sum = await duplex(stream, Number(first), Number(second));
        options.received?.(sum);
        return;
      }
      case 'half-close': {
        stream.end();
        const sum = await digestOf(stream);
        options.received?.(sum);
        return;
      }
      case 'hold':
        held.add(stream);
        return;
      case 'read': {
        held.add(stream);
        await new Promise<void>((resolve) => (goOn = resolve));
        // No 'data' or 'readable' listener: what is not asked for stays where it is.
        await readExactly(stream, Number(first));
        return;
      }
      case 'go':
        goOn();
        stream.end('going on');
        return;
      case 'drop':
        for (const one of held) one.destroy();
        held.clear();
        stream.end('dropped');
        return;
      case 'fill':
        stream.write(Buffer.alloc(Number(first)), () => nowFilled(Number(first)));
        stream.end();
        return;
      case 'filled':
        stream.end(String(await filled));
        return;
      case 'call-back':
        stream.end(await ask(options.connection(), `echo\n${line.slice(op.length + 1)}`));
        return;
      case 'ping':
        await options.connection().ping();
        stream.end('pong');
        return;
      default:
        throw new Error(`unknown op ${op}`);
    }
  };
}

/** Opens a stream, sends `text` and the end, and reads all of the answer. */
export async function ask(connection: Connection, text: string): Promise<string> {
  const stream = connection.openStream({});
  stream.end(text);
  return await textOf(stream);
}

/** Sends a pattern and the end while it reads to the end. */
export async function duplex(stream: Stream, bytes: number, most: number): Promise<Transfer> {
  const [received] = await Promise.all([digestOf(stream), writePattern(stream, bytes, most)]);
  return received;
}

/** Writes the pattern in pieces of random sizes up to `most`, and half-closes. */
export async function writePattern(stream: Stream, bytes: number, most: number): Promise<void> {
  const random = seededRandom(stream.id);
  for (const chunk of patternChunks(bytes)) {
    for (let at = 0; at < chunk.length;) {
      const end = Math.min(chunk.length, at + 1 + Math.floor(random() * most));
      if (!stream.write(chunk.subarray(at, end))) await once(stream, 'drain');
      at = end;
    }
  }
  stream.end();
}

/** The text up to the first line feed, or to the end; what follows stays in the stream. */
export async function readLine(stream: Stream): Promise<string> {
  const bytes: Buffer[] = [];
  for (;;) {
    const byte = await readExactly(stream, 1);
    if (byte.length === 0 || byte[0] === 0x0a) return Buffer.concat(bytes).toString();
    bytes.push(byte);
  }
}

/** So many bytes, or fewer where the stream ends before. */
export async function readExactly(stream: Stream, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let missing = count; missing > 0;) {
    const piece = stream.read(Math.min(missing, Math.max(1, stream.readableLength))) as Buffer | null;
    if (piece !== null) {
      pieces.push(piece);
      missing -= piece.length;
    } else if (stream.readableEnded || stream.destroyed) {
      break;
    } else {
      await new Promise<void>((resolve) => {
        const next = (): void => {
          for (const event of ['readable', 'end', 'close']) stream.off(event, next);
          resolve();
        };
        for (const event of ['readable', 'end', 'close']) stream.on(event, next);
      });
    }
  }
  return Buffer.concat(pieces);
}
