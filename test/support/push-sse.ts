import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EventLog } from '../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../src/push/log/settings.js';
import { sseHandler, type SSEHandler, type SSEHandlerOptions } from '../../src/push/sse/index.js';
import { EventStreamParser, type ParsedEvent } from '../../src/sse/index.js';

/** A log and its event streams on the loopback. Disposing closes both and cuts the connections. */
export interface PushServer extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: SSEHandler;
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

/** Listens on a free port of the loopback; disposing cuts the connections. */
export async function listen(
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly server: Server; readonly port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export async function servePush(
  options: SSEHandlerOptions = {},
  logOptions: EventLogOptions = {},
  around: (handler: SSEHandler) => RequestListener = (handler) => handler,
): Promise<PushServer> {
  const log = new EventLog(logOptions);
  const handler = sseHandler(log, options);
  const listening = await listen(around(handler));
  const { server, port } = listening;
  return {
    log,
    handler,
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      log.close();
      await listening[Symbol.asyncDispose]();
    },
  };
}

/** What a client has received of an event stream, decoded already. */
export class StreamReader {
  readonly events: ParsedEvent[] = [];
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  /** The bytes as they were parsed. */
  text = '';
  ended = false;
  readonly #parser = new EventStreamParser({
    event: (event) => this.events.push(event),
    comment: (text) => this.comments.push(text),
    retry: (milliseconds) => this.retries.push(milliseconds),
  });
  #wake: () => void = () => {};

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  get data(): string[] {
    return this.events.map(({ data }) => data);
  }

  feed(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
    this.#parser.feed(bytes);
    this.#wake();
  }

  end(): void {
    this.ended = true;
    this.#wake();
  }

  /** Resolves when it holds; rejects when the stream ends before. */
  async until(holds: (reader: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.ended) throw new Error(`the stream ended after ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async finished(): Promise<void> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A response that is read as an event stream, as it is or through a decoder. */
export class StreamClient extends StreamReader {
  readonly response: IncomingMessage;

  constructor(response: IncomingMessage, decoder?: NodeJS.ReadWriteStream) {
    super();
    this.response = response;
    const source = decoder === undefined ? response : response.pipe(decoder);
    source.on('data', (bytes: Buffer) => this.feed(bytes));
    source.on('end', () => this.end());
    source.on('error', () => this.end());
    response.on('error', () => this.end());
    response.on('close', () => {
      if (decoder === undefined) this.end();
    });
  }

  leave(): void {
    this.response.destroy();
  }
}

export interface RequestSettings {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly decoder?: NodeJS.ReadWriteStream;
}

/** Asks without keeping the connection. */
export async function ask(
  url: string,
  { method = 'GET', headers = {} }: RequestSettings = {},
): Promise<IncomingMessage> {
  const request = httpRequest(url, { method, headers, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** Opens an event stream and waits for its first block. */
export async function openStream(url: string, settings: RequestSettings = {}): Promise<StreamClient> {
  const response = await ask(url, settings);
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`refused with ${response.statusCode}`);
  }
  const client = new StreamClient(response, settings.decoder);
  await client.until(({ lastEventId, text }) => lastEventId !== '' || text.includes('\n\n'));
  return client;
}

/** The status and the body of an answer. */
export async function answerTo(
  url: string,
  settings: RequestSettings = {},
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }> {
  const response = await ask(url, settings);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

/** Resolves when it holds, looking at each turn of the event loop. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Resolves when a socket is closed, for whatever reason. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
}
