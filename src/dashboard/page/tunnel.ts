import { connectWebSocket, type BrowserConnection } from '../../browser/index.js';

/** What the tunnel brings of a path. */
export interface TunnelAnswer {
  readonly status: number;
  /** By names in the server's writing. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fails when it breaks off. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const LINE_FEED = 10;
const MOST_HEAD = 64 * 1024;

/** Many streams in one WebSocket: browsers open no more than six connections of HTTP/1.1 to a server. */
export class Tunnel {
  #connection: Promise<BrowserConnection> | undefined;

  /** @throws what opening throws; the signal's reason. */
  async open(path: string, lastEventId: string, signal: AbortSignal): Promise<TunnelAnswer> {
    const connection = await this.#connect();
    signal.throwIfAborted();
    const stream = connection.openStream({ path, 'last-event-id': lastEventId });
    const stop = (): void => stream.reset();
    signal.addEventListener('abort', stop, { once: true });
    // Nothing but the headers is sent. That the stream was reset shows where it is read.
    stream.writable.close().catch(() => {});
    stream.accepted.catch(() => {});
    const reader = stream.readable.getReader();
    const [head, rest] = await readHead(reader);
    const { status, headers } = JSON.parse(head) as Pick<TunnelAnswer, 'status' | 'headers'>;
    return { status, headers, chunks: chunksOf(rest, reader, () => signal.removeEventListener('abort', stop)) };
  }

  #connect(): Promise<BrowserConnection> {
    if (this.#connection === undefined) {
      const connection = connectWebSocket('/tunnel');
      this.#connection = connection;
      const forget = (): void => {
        if (this.#connection === connection) this.#connection = undefined;
      };
      connection.then(({ closed }) => closed.then(forget), forget);
    }
    return this.#connection;
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function readHead(reader: Reader): Promise<[string, Uint8Array]> {
  let bytes = new Uint8Array();
  for (;;) {
    const end = bytes.indexOf(LINE_FEED);
    if (end !== -1) return [new TextDecoder().decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
    const { done, value } = await reader.read();
    if (done || bytes.length > MOST_HEAD) throw new Error('the answer has no head');
    const joined = new Uint8Array(bytes.length + value.length);
    joined.set(bytes);
    joined.set(value, bytes.length);
    bytes = joined;
  }
}

async function* chunksOf(first: Uint8Array, reader: Reader, done: () => void): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    done();
  }
}
