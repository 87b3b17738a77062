import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventStreamParser, type EventStreamLimits, type ParsedEvent } from '../../src/sse/index.js';

/** What came out of a stream. */
export interface ParsedStream {
  readonly events: ParsedEvent[];
  readonly retries: number[];
  readonly comments: string[];
  readonly lastEventId: string;
}

/** Parses a stream, given in pieces, to its end. */
export function parsePieces(pieces: readonly Uint8Array[], limits: Partial<EventStreamLimits> = {}): ParsedStream {
  const events: ParsedEvent[] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const parser = new EventStreamParser(
    {
      event: (event) => events.push(event),
      retry: (milliseconds) => retries.push(milliseconds),
      comment: (text) => comments.push(text),
    },
    { limits },
  );
  for (const piece of pieces) parser.feed(piece);
  parser.end();
  return { events, retries, comments, lastEventId: parser.lastEventId };
}

export const parseStream = (stream: string | Uint8Array): ParsedStream => parsePieces([Buffer.from(stream)]);

/** The stream whole, one byte at a time, and cut in two at every place. */
export function everySplit(stream: string | Uint8Array): Uint8Array[][] {
  const bytes = Buffer.from(stream);
  const splits: Uint8Array[][] = [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))];
  for (let at = 1; at < bytes.length; at += 1) splits.push([bytes.subarray(0, at), bytes.subarray(at)]);
  return splits;
}

/** A server on the loopback; disposing cuts its connections. */
export interface EventServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: IncomingMessage[];
  /** Cuts every connection. */
  cut(): void;
}

export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<EventServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    void handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers with an event stream of this text, and ends it unless told to keep it open. */
export function answer(response: ServerResponse, text: string | Uint8Array, options: { open?: boolean } = {}): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  if (text.length > 0) response.write(text);
  if (options.open !== true) response.end();
}

/** A header as the UTF-8 that it was on the wire. */
export function utf8Header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString('utf8') : undefined;
}

/** The next event of a target. */
export function next<E extends Event = Event>(target: EventTarget, type: string): Promise<E> {
  return new Promise((resolve) => {
    target.addEventListener(type, (event) => resolve(event as E), { once: true });
  });
}
