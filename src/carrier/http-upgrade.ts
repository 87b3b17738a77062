import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { ConnectionLostError, InvalidArgumentError, ProtocolError, TimeoutError } from '../errors/index.js';
import {
  HEADER_PROTOCOL_VERSION,
  StreamHeaders,
  type HeadersInit,
  type UpgradeRequest,
  type UpgradeResponse,
} from '../httpstream/index.js';
import type { Limits } from '../limits/limits.js';
import { checkRequest } from './check-request.js';
import { authorizationFromUrl, dial, parseUrl, redactUrl } from './dial.js';
import { readBody } from './read-body.js';

/** What {@link sendUpgrade} needs besides the request. */
export interface UpgradeSettings {
  /** Value of the `Upgrade` header. */
  readonly upgrade: string;
  readonly limits: Limits;
  readonly clock?: Clock;
}

/**
 * Sends an HTTP/1.1 upgrade request on a connection of its own and resolves with the answer, whatever its status. A
 * redirect is an answer like any other: it is not followed.
 *
 * @throws InvalidArgumentError for a bad address, method or header; ConnectionLostError when there was no answer;
 * ProtocolError when the answer was not HTTP; TimeoutError; the signal's reason.
 */
export async function sendUpgrade(request: UpgradeRequest, settings: UpgradeSettings): Promise<UpgradeResponse> {
  checkRequest(request);
  const { limits, clock = systemClock } = settings;
  const { signal } = request;
  signal?.throwIfAborted();
  const url = parseUrl(request.url);
  const headers = requestHeaders(request, url, settings.upgrade);
  const timeout = request.timeout ?? limits.upgradeTimeout;
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = clock.setTimeout(() => {
    controller.abort(new TimeoutError(`no answer from ${redactUrl(url)} within ${timeout} ms`, timeout));
  }, timeout);
  try {
    const { tls, dialer, proxy, proxyTls } = request;
    const socket = await dial({ url, tls, dialer, proxy, proxyTls, signal: controller.signal });
    return await exchange(socket, {
      url,
      method: request.method ?? 'POST',
      headers,
      limits,
      signal: controller.signal,
    });
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: StreamHeaders;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

function exchange(socket: Duplex, { url, method, headers, limits, signal }: Exchange): Promise<UpgradeResponse> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    let answered = false;
    const onAbort = (): void => {
      // A refusal is one, also when the rest of its body never comes: reading it ends with the socket.
      if (answered && signal.reason instanceof TimeoutError) socket.destroy();
      else fail(signal.reason as Error);
    };
    const answer = (res: IncomingMessage, rest: Pick<UpgradeResponse, 'head' | 'body' | 'socket'>): void => {
      signal.removeEventListener('abort', onAbort);
      resolve({
        statusCode: res.statusCode ?? 0,
        statusMessage: res.statusMessage ?? '',
        headers: res.headers,
        ...rest,
      });
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);

    const onError = (error: NodeJS.ErrnoException): void => {
      const where = redactUrl(url);
      const details = { initiator: 'remote', cause: error } as const;
      if (error.code?.startsWith('HPE_') === true) {
        fail(new ProtocolError(`${where} did not answer in HTTP: ${error.message}`, details));
      } else {
        // A server that misses a client certificate says so only here.
        const detail = error.message.trim();
        fail(new ConnectionLostError(`${where} closed the connection before it answered: ${detail}`, details));
      }
    };
    let req: ClientRequest;
    try {
      req = httpRequest({
        createConnection: () => socket,
        host: url.hostname,
        method,
        path: `${url.pathname}${url.search}`,
        setHost: false,
      });
      // First of all: a header that is refused below leaves a request that still hears of its socket.
      req.on('error', onError);
      for (const [name, values] of headers.entries()) req.setHeader(name, [...values]);
    } catch (error) {
      return fail(new InvalidArgumentError(`cannot send this request: ${messageOf(error)}`, { cause: error }));
    }
    req.on('upgrade', (res, _socket, head) => answer(res, { head, body: Buffer.alloc(0), socket }));
    // A 101 that lacks the upgrade headers; other 1xx are followed by the real answer.
    req.on('information', (info) => {
      if (info.statusCode !== 101) return;
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      const { statusCode, statusMessage, headers: fields } = info;
      resolve({
        statusCode,
        statusMessage,
        headers: fields,
        head: Buffer.alloc(0),
        body: Buffer.alloc(0),
        socket: undefined,
      });
    });
    req.on('response', (res) => {
      answered = true;
      void readBody(res, limits.errorBodyBytes).then((body) => {
        socket.destroy();
        answer(res, { head: Buffer.alloc(0), body, socket: undefined });
      });
    });
    req.end();
  });
}

function requestHeaders(request: UpgradeRequest, url: URL, upgrade: string): StreamHeaders {
  const given = new StreamHeaders(request.headers);
  const own: Record<string, string | readonly string[]> = { Host: url.host, Connection: 'Upgrade', Upgrade: upgrade };
  if (!/^(GET|HEAD)$/i.test(request.method ?? 'POST')) own['Content-Length'] = '0';
  if (request.protocols !== undefined && request.protocols.length > 0) own[HEADER_PROTOCOL_VERSION] = request.protocols;
  const authorization = authorizationFromUrl(url);
  if (authorization !== undefined && !given.has('authorization')) own['Authorization'] = authorization;
  const reserved = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const free: HeadersInit = [...given].filter(([name]) => name === 'host' || !reserved.has(name));
  if (given.has('host')) delete own['Host'];
  return new StreamHeaders([...new StreamHeaders(own), ...free]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
