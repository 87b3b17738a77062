import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeEvent } from '../../src/sse/index.js';
import { utf8Header } from './event-streams.js';

type Handler = (query: URLSearchParams, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const STREAM = { 'Content-Type': 'text/event-stream' } as const;

/**
 * What web-platform-tests' eventsource/resources serve, by the names of their files. Where the originals remember a client
 * by a cookie, these go by the query, because Node's `fetch` keeps no cookies.
 */
export function wptHandlers(): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  const seen = new Map<string, number>();
  const count = (key: string): number => {
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return before;
  };
  const handlers: Readonly<Record<string, Handler>> = {
    'message.py': async (query, _request, response) => {
      const pause = Number(query.get('sleep') ?? 0);
      if (pause > 0) await sleep(pause);
      response.writeHead(200, { 'Content-Type': query.get('mime') ?? 'text/event-stream' });
      response.end(`${query.get('message') ?? 'data: data'}${query.get('newline') === 'none' ? '' : '\n\n'}\n`);
    },
    'message2.py': (_query, _request, response) => {
      response.writeHead(200, STREAM);
      response.write('data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n');
    },
    'last-event-id.py': (query, request, response) => {
      const id = utf8Header(request, 'last-event-id') ?? '';
      response.writeHead(200, STREAM);
      // Not encodeEvent: the tests ask for ids that it refuses.
      response.end(
        id === '' ? `id: ${query.get('idvalue') ?? '\u2026'}\nretry: 200\ndata: hello\n\n` : encodeEvent({ data: id }),
      );
    },
    'last-event-id2.py': (query, _request, response) => {
      response.writeHead(200, STREAM);
      const type = query.get('type');
      const reset = type === '3' ? 'id' : 'id:';
      response.end(
        type === '1'
          ? 'id: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata: 3\n\ndata: 4\n\n'
          : `id: 1\ndata: 1\n\n${reset}\ndata: 2\n\ndata: 3\n\n`,
      );
    },
    'accept.event_stream': (_query, request, response) => {
      response.writeHead(200, STREAM).end(encodeEvent({ data: request.headers.accept ?? '' }));
    },
    'cache-control.event_stream': (_query, request, response) => {
      response.writeHead(200, STREAM).end(encodeEvent({ data: request.headers['cache-control'] ?? '' }));
    },
    'status-error.py': (query, _request, response) => {
      const status = Number(query.get('status') ?? 404);
      response.writeHead(status, STREAM);
      response.end([204, 205].includes(status) ? undefined : 'data: data\n\n');
    },
    'status-reconnect.py': (query, _request, response) => {
      const status = Number(query.get('status') ?? 204);
      if (count(`status ${query.get('id') ?? status}`) % 2 === 1) {
        response.writeHead(200, STREAM).end('data: data\n\n');
        return;
      }
      response.writeHead(status, STREAM).end(`retry: 2\n${query.has('ok_first') ? 'data: ok\n\n' : ''}`);
    },
    'reconnect-fail.py': (query, _request, response) => {
      const round = count(`fail ${query.get('id')}`) % 3;
      if (round === 2) response.writeHead(204, STREAM).end();
      else response.writeHead(200, STREAM).end(round === 0 ? 'retry: 2\ndata: opened\n\n' : 'data: reconnected\n\n');
    },
    'redirect.py': (query, _request, response) => {
      response.writeHead(Number(query.get('status') ?? 302), { Location: query.get('location') ?? '' }).end();
    },
  };
  return async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler === undefined) return false;
    await handler(url.searchParams, request, response);
    return true;
  };
}
