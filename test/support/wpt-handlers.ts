import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { sinkEvents, type EventSinkOptions, type SinkEvent } from '../../src/sse/index.js';
import { utf8Header } from './event-streams.js';

interface Exchange {
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
type Handler = (exchange: Exchange) => void | Promise<unknown>;

const STREAM = { 'Content-Type': 'text/event-stream' } as const;
const CORS_IDS: Readonly<Record<string, string>> = { safe: 'abc', unsafe: 'e5p3n<3k0k0s', long: 'a'.repeat(255) };

/**
 * What web-platform-tests' eventsource/resources serve, by the names of their files: by an `EventSink` wherever what is
 * sent is what a server may send, and byte for byte where it is not. They remember a client by its cookies, as the
 * originals do. `false` for what is not theirs.
 */
export function wptHandlers(): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  /** Headers that preflights asked for, by token. */
  const preflights = new Map<string, string>();
  const handlers: Readonly<Record<string, Handler>> = {
    'message.py': sendMessage,
    'message2.py': async ({ response }) => {
      response.writeHead(200, { ...STREAM, 'Cache-Control': 'no-cache' });
      while (!response.closed) {
        response.write('data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n');
        await sleep(2_000, undefined, { ref: false });
      }
    },
    'last-event-id.py': sendLastEventId,
    'last-event-id2.py': async ({ query, response }) => {
      const reset = [{ id: '1', data: '1' }, { id: '', data: '2' }, '3'];
      const type = query.get('type') ?? '1';
      // The third is the second without the colon, which an encoder always writes.
      if (type === '3') response.writeHead(200, STREAM).end('id: 1\ndata: 1\n\nid\ndata:2\n\ndata:3\n\n');
      else if (type === '2') await send(response, reset);
      else await send(response, [{ id: '1', data: '1' }, '2', { id: '2', data: '3' }, '4']);
    },
    'accept.event_stream': ({ request, response }) => send(response, [request.headers.accept ?? '']),
    'cache-control.event_stream': ({ request, response }) => send(response, [request.headers['cache-control'] ?? '']),
    'status-error.py': ({ query, response }) => {
      const status = Number(query.get('status') ?? 404);
      response.writeHead(status, STREAM).end([204, 205].includes(status) ? undefined : 'data: data\n\n');
    },
    'status-reconnect.py': statusReconnect,
    'reconnect-fail.py': reconnectFail,
    'redirect.py': ({ query, response }) => {
      response.writeHead(Number(query.get('status') ?? 302), { Location: query.get('location') ?? '' }).end();
    },
    'cors.py': async (exchange) => {
      const { query, request, response } = exchange;
      response.setHeader('Access-Control-Allow-Origin', query.get('origin') ?? request.headers.origin ?? '');
      response.setHeader('Access-Control-Allow-Credentials', query.get('credentials') ?? 'true');
      const run = query.get('run') ?? '';
      const handler = Object.hasOwn(corsHandlers, run) ? corsHandlers[run] : undefined;
      if (handler === undefined) response.writeHead(404).end();
      else await handler(exchange);
    },
    'cors-cookie.py': corsCookie,
    'cors-unsafe-last-event-id.py': (exchange) => corsLastEventId(exchange, preflights),
  };
  const corsHandlers: Readonly<Record<string, Handler | undefined>> = {
    message: handlers['message.py'],
    redirect: handlers['redirect.py'],
    'status-reconnect': handlers['status-reconnect.py'],
    'cache-control': handlers['cache-control.event_stream'],
  };
  return async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler === undefined) return false;
    await handler({ query: url.searchParams, request, response });
    return true;
  };
}

const send = async (
  response: ServerResponse,
  events: readonly SinkEvent[],
  options?: EventSinkOptions,
): Promise<unknown> => await sinkEvents(response, 200, events, options);

async function sendMessage({ query, response }: Exchange): Promise<void> {
  const pause = Number(query.get('sleep') ?? 0);
  if (pause > 0) await sleep(pause, undefined, { ref: false });
  response.writeHead(200, { 'Content-Type': query.get('mime') ?? 'text/event-stream' });
  response.end(`${query.get('message') ?? 'data: data'}${query.get('newline') === 'none' ? '' : '\n\n'}\n`);
}

async function sendLastEventId({ query, request, response }: Exchange): Promise<void> {
  const id = utf8Header(request, 'last-event-id') ?? '';
  const first = query.get('idvalue') ?? '…';
  if (id !== '') await send(response, [id]);
  // Not by a sink: it refuses such ids.
  else if (first.includes('\0')) response.writeHead(200, STREAM).end(`id: ${first}\nretry: 200\ndata: hello\n\n`);
  else await send(response, [{ id: first, data: 'hello' }], { reconnectTime: 200 });
}

async function statusReconnect({ query, request, response }: Exchange): Promise<void> {
  const status = query.get('status') ?? '204';
  const name = `request${query.get('id') ?? status}`;
  if (cookie(request, name) === status) {
    setCookie(response, name, undefined);
    await send(response, ['data']);
    return;
  }
  setCookie(response, name, status);
  const events = query.has('ok_first') ? ['ok'] : [];
  await sinkEvents(response, Number(status), events, { reconnectTime: 2 });
}

async function reconnectFail({ query, request, response }: Exchange): Promise<void> {
  const name = `recon_fail_${query.get('id') ?? ''}`;
  const state = cookie(request, name);
  if (state === 'opened') {
    setCookie(response, name, 'reconnected');
    await send(response, ['reconnected']);
  } else if (state === 'reconnected') {
    setCookie(response, name, undefined);
    response.writeHead(204, STREAM).end();
  } else {
    setCookie(response, name, 'opened');
    await send(response, ['opened'], { reconnectTime: 2 });
  }
}

async function corsCookie({ query, request, response }: Exchange): Promise<void> {
  const name = query.get('ident') ?? 'test';
  const id = request.headers['last-event-id'] ?? '';
  const seen = cookie(request, name) === undefined ? 'NO_COOKIE' : 'COOKIE';
  const origin = query.get('origin') ?? request.headers.origin ?? 'none';
  if (origin !== 'none') response.setHeader('Access-Control-Allow-Origin', origin);
  if (query.get('credentials') !== 'none') response.setHeader('Access-Control-Allow-Credentials', 'true');
  setCookie(response, name, id === '' ? 'COOKIE' : undefined);
  if (id === '') await send(response, [{ id: '1', data: `first ${seen}` }], { reconnectTime: 200 });
  else if (id === '1') await send(response, [{ id: '2', data: `second ${seen}` }]);
  else response.writeHead(200, { 'Content-Type': 'stop' }).end(`data: ${String(id)}${seen}\n\n`);
}

/** The first connection gets an id; the next must bring it, after a preflight if the id is not safe to send without. */
async function corsLastEventId({ query, request, response }: Exchange, preflights: Map<string, string>): Promise<void> {
  const { origin, 'last-event-id': id = '', 'access-control-request-headers': wanted } = request.headers;
  const fixture = query.get('fixture') ?? '';
  const token = query.get('token') ?? '';
  const expected = CORS_IDS[fixture];
  if (origin !== undefined) response.setHeader('Access-Control-Allow-Origin', origin);
  if (wanted !== undefined) response.setHeader('Access-Control-Allow-Headers', wanted);
  if (token === '' || expected === undefined) {
    response.writeHead(400).end();
    return;
  }
  if (request.method === 'OPTIONS') {
    preflights.set(token, wanted ?? '');
    response.end();
    return;
  }
  response.setHeader('Cache-Control', 'no-store');
  if (id === '') {
    await send(response, [{ id: expected, data: fixture }], { reconnectTime: 200 });
    return;
  }
  const preflight = preflights.get(token);
  preflights.delete(token);
  const asked = fixture === 'safe' ? undefined : 'last-event-id';
  const right = id === expected && preflight?.toLowerCase() === asked;
  const data = `id ${String(id)}, preflight for ${preflight ?? 'nothing'}`;
  await send(response, [{ event: right ? 'success' : 'failure', data }]);
}

function cookie(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split('; ').map((pair) => pair.split('='));
  return pairs.find(([key]) => key === name)?.[1];
}

function setCookie(response: ServerResponse, name: string, value: string | undefined): void {
  response.setHeader('Set-Cookie', value === undefined ? `${name}=; Path=/; Max-Age=0` : `${name}=${value}; Path=/`);
}
