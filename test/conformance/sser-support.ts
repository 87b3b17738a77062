import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deferred } from '../../src/clock/deferred.js';
import { Inbox } from '../support/inbox.js';
import { EventStreamParser, type ParsedEvent } from '../../src/sse/index.js';

/** Short periods: nothing here waits for one but to start alone, or to dial again. */
export const TIMES = { spread: 5, retry: 20, maxRetry: 60, aloneAfter: 40, haveDelay: 5 } as const;

/** What a pod without links was posted. */
export interface Posted {
  readonly stream: string;
  readonly msg: string;
  readonly connection: number;
  readonly headers: IncomingMessage['headers'];
}

/** How it answers a post: empty 200, unless the test says otherwise. */
export type Answer = (res: ServerResponse, posted: Posted) => void;

/** A pod of the original, as far as others see its internal port: 404 but for the endpoint, which takes JSON. */
export class PostedPod implements AsyncDisposable {
  readonly inbox: Inbox<Posted> = new Inbox();
  /** Everything else that it was asked for. */
  readonly others: IncomingMessage[] = [];
  answer: Answer = (res) => void res.writeHead(200, { 'Content-Length': 0 }).end();
  connections = 0;
  readonly #numbers = new WeakMap<object, number>();
  readonly #server = createServer((req, res) => void this.#serve(req, res));

  static async start(host = '127.0.0.1', port = 0): Promise<PostedPod> {
    const pod = new PostedPod();
    pod.#server.on('connection', (socket) => pod.#numbers.set(socket, ++pod.connections));
    pod.#server.listen(port, host);
    await once(pod.#server, 'listening');
    return pod;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get messages(): string[] {
    return this.inbox.all.map(({ msg }) => msg);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    if (req.url !== '/api/json/v1/send') {
      this.others.push(req);
      res.writeHead(404).end('404 page not found\n');
      return;
    }
    const { stream, msg } = JSON.parse(Buffer.concat(chunks).toString()) as { stream: string; msg: string };
    const connection = this.#numbers.get(req.socket) ?? 0;
    const posted = { stream, msg, connection, headers: req.headers };
    this.inbox.put(posted);
    this.answer(res, posted);
  }
}

/** A client of an event stream. */
export class Client implements AsyncDisposable {
  readonly events: Inbox<ParsedEvent> = new Inbox();
  readonly #controller = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #lastEventId = '';

  static async connect(url: string, lastEventId = ''): Promise<Client> {
    const client = new Client();
    const opened = deferred<void>();
    client.#done = client.#read(url, lastEventId, opened.resolve, opened.reject);
    await opened.promise;
    return client;
  }

  get data(): string[] {
    return this.events.all.map(({ data }) => data);
  }

  get lastEventId(): string {
    return this.#lastEventId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    await this.#done;
  }

  async #read(url: string, cursor: string, open: () => void, refused: (error: Error) => void): Promise<void> {
    try {
      const headers = cursor === '' ? {} : { 'Last-Event-ID': cursor };
      const response = await fetch(url, { headers, signal: this.#controller.signal });
      if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`);
      const parser = new EventStreamParser({ event: (event) => this.events.put(event) });
      // The original says nothing until there is an event.
      open();
      for await (const chunk of response.body) {
        parser.feed(chunk);
        this.#lastEventId = parser.lastEventId;
      }
    } catch (error) {
      refused(error instanceof Error ? error : new Error(String(error)));
    }
    this.events.fail(new Error('the stream has ended'));
  }
}

/** Looks again and again, for what tells nobody when it changes. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
