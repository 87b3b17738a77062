// Compiled by `npm run check:types` and never run: what the public types of the handlers of push promise.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { Server as GrpcServer } from '@grpc/grpc-js';
import { serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import {
  EventLog,
  grpcWatchService,
  longPollHandler,
  onPushMessage,
  sseHandler,
  watchHandler,
  webSocketHandler,
  type ClientMessage,
  type EndReason,
  type Logger,
} from '../../src/push/index.js';

export function mounting(log: EventLog): void {
  const handler = sseHandler(log);
  createServer(handler);
  createServer((req: IncomingMessage, res: ServerResponse) => handler(req, res));
  createHttp2Server(handler);
  createServer(longPollHandler(log)).on('upgrade', webSocketHandler(log));
  createHttp2Server(watchHandler(log));

  express().get('/events', handler);

  const app = fastify();
  app.get('/events', (request, reply) => {
    reply.hijack();
    handler(request.raw, reply.raw);
  });

  const hono = new Hono<{ Bindings: HttpBindings }>();
  hono.get('/events', ({ env: { incoming, outgoing } }) => {
    handler(incoming, outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  serve(hono);

  const { definition, implementation } = grpcWatchService(log, { wildcards: true });
  new GrpcServer().addService(definition, implementation);
}

/** Hooks are written for the requests that a program's server has. */
export function hooks(log: EventLog): void {
  const authorize = (req: express.Request, streams: readonly string[]): boolean => req.ip !== streams[0];
  const stream = (req: express.Request): string | undefined => req.params['stream']?.toString();
  express().get('/events/:stream', sseHandler(log, { authorize, stream }));
  watchHandler(log, { authorize: (req: IncomingMessage) => req.socket.remoteAddress !== undefined });
  webSocketHandler(log, {
    authorize: (req: IncomingMessage) => req.complete,
    stream: (req: IncomingMessage) => req.url,
  });
  longPollHandler(log, { authorize });
  // @ts-expect-error a text is no answer.
  sseHandler(log, { authorize: (req: IncomingMessage) => req.url });
  // @ts-expect-error a request is no text.
  sseHandler(log, { stream: (req: string) => req });
}

export const MESSAGES: readonly ClientMessage[] = [
  { type: 'subscribe', streams: ['a'] },
  { type: 'credit', items: 1 },
  { type: 'unsubscribe', id: 'x' },
];

export function publishing(log: EventLog, type: string | undefined, key: string | undefined): void {
  log.publish('a', 1, { type, key });
}

export function options(log: EventLog<{ news: { message: string } }>, logger: Logger): void {
  sseHandler(log, {
    stream: ['news', 'jobs.*'],
    authorize: async (req, streams) => {
      const cookie: string | undefined = req.headers.cookie;
      if (cookie === undefined) return { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } };
      await Promise.resolve();
      return streams.every((stream) => stream !== 'secret') && { peer: cookie };
    },
    cors: { origin: ['https://app.example.com'], credentials: true },
    encode: ({ type, data }) => (type === 'internal' ? undefined : { event: type, data }),
    retry: 2_000,
    logger,
  }).close();
  longPollHandler(log, { prefix: '/keys', timeout: 60_000, action: ({ type }) => type, cors: true });
  watchHandler(log, {
    kind: 'Order',
    toObject: ({ data }) => ({ metadata: { name: 'a' }, spec: data }),
    watchType: ({ type }) => (type === 'gone' ? 'DELETED' : 'MODIFIED'),
    bookmarkInterval: 10_000,
  });
  webSocketHandler(log, { allowedOrigins: ['https://app.example.com'], maxSubscriptions: 8 });
  grpcWatchService(log, {
    authorize: ({ metadata }, streams) => metadata.get('authorization').length > 0 && { peer: streams.join() },
  });
  sseHandler(log, { stream: (req) => (req.url === '/' ? undefined : 'news') });
  // @ts-expect-error: no such option
  sseHandler(log, { streams: 'news' });
  // @ts-expect-error: no such place to begin
  sseHandler(log, { start: 'end' });
  // @ts-expect-error: an answer is a yes, a no, a refusal or an admission
  sseHandler(log, { authorize: () => 'yes' });
  // @ts-expect-error: objects are changed in no other way
  watchHandler(log, { watchType: () => 'CHANGED' });
  // @ts-expect-error: a log is needed
  webSocketHandler();
}

export function listening(log: EventLog): () => void {
  const stop = onPushMessage('trunkline:push:end', (message) => {
    if (message.log !== log) return;
    const reason: EndReason = message.reason;
    reason.concat(message.follower.transport, message.delivered.toFixed());
  });
  onPushMessage('trunkline:push:gap', ({ gap }) => gap.missing.length);
  // @ts-expect-error: no such channel
  onPushMessage('trunkline:push:gaps', () => {});
  // @ts-expect-error: this message has no gap
  onPushMessage('trunkline:push:publish', ({ gap }) => gap);
  return stop;
}
