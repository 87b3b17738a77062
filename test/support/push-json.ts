import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { serve, type EventServer } from './event-streams.js';

/** A whole answer. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The documents of its lines. */
  readonly lines: readonly unknown[];
}

/** Asks without keeping the connection, and reads the answer to its end. */
export async function ask(
  url: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<JsonAnswer> {
  const response = await open(url, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  return { status: response.statusCode ?? 0, headers: response.headers, text, lines: lines.map(parse) };
}

/** The same up to the head, which has come when this resolves. */
export async function open(
  url: string,
  {
    method = 'GET',
    headers = {},
  }: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<IncomingMessage> {
  const outgoing = request(url, { method, headers, agent: false }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

/** The documents of a stream of lines, one after the other. */
export async function* documentsOf<T>(response: IncomingMessage): AsyncGenerator<T, void, undefined> {
  for await (const line of createInterface({ input: response })) yield JSON.parse(line) as T;
}

export { serve, type EventServer };

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
