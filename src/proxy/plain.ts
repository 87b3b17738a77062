import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ConnectionLostError, InvalidArgumentError } from '../errors/index.js';
import { isUpgradeRequest } from '../httpstream/index.js';
import { admitPlain } from './admission.js';
import { CallerGoneError, startAttempt, until } from './attempt.js';
import { connectBackend } from './backend.js';
import { fieldsOf, grouped, listOf, requestFields, valuesOf } from './fields.js';
import { plainLocation } from './location.js';
import { countUntilAnswered } from './open-calls.js';
import type { ProxySettings } from './options.js';
import { passResponse } from './plain-response.js';
import { badRequest, refusalOf, refuseResponse, stopped } from './refusal.js';
import { requestText, type Field } from './request-text.js';

/** Proxies a request that is no upgrade. Never rejects: what goes wrong is answered. */
export async function servePlain(req: IncomingMessage, res: ServerResponse, settings: ProxySettings): Promise<void> {
  countUntilAnswered(req, res);
  const attempt = startAttempt(settings);
  const done = settings.calls.add(() => res.destroy());
  res.on('error', () => {});
  res.once('close', attempt.abandon);
  try {
    if (settings.calls.stopped) throw stopped();
    if (isUpgradeRequest(req)) {
      throw badRequest('unable to upgrade: the request names no protocol, or the server does not take upgrades here');
    }
    if (settings.upgradeRequired) throw badRequest('Upgrade request required');
    await until(admitPlain(req, settings), attempt.signal);
    const location = await until(plainLocation(req, settings), attempt.signal);
    if ('redirect' in location) {
      res.writeHead(301, { Location: location.redirect, 'Content-Length': '0' });
      res.end();
      return;
    }
    const fields = await until(requestFields(req, location.url, settings), attempt.signal);
    // The grammar is checked here as for upgrades, whatever node:http would let through.
    requestText(req.method ?? 'GET', location.path, fields);
    const socket = await connectBackend(settings, location.url, attempt.signal);
    attempt.settle();
    await exchange({ req, res, settings, socket, path: location.path, fields });
  } catch (error) {
    if (error instanceof CallerGoneError) return;
    const refusal = refusalOf(error);
    if (refusal.code >= 500) settings.onError(error, req);
    // What is left of the body is nobody's.
    req.resume();
    refuseResponse(res, refusal);
  } finally {
    attempt.settle();
    done();
    res.off('close', attempt.abandon);
  }
}

/** A plain request whose backend is connected. */
interface PlainExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly settings: ProxySettings;
  readonly socket: Duplex;
  readonly path: string;
  readonly fields: readonly Field[];
}

/** Resolves when the answer was passed on, or the caller is gone. Rejects while it can still be answered. */
function exchange({ req, res, settings, socket, path, fields }: PlainExchange): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', () => {});
    let stopBody: (() => void) | undefined;
    const finish = (): void => {
      stopBody?.();
      socket.destroy();
      resolve();
    };
    const fail = (error: unknown): void => {
      stopBody?.();
      socket.destroy();
      if (res.headersSent || res.destroyed) {
        res.destroy();
        resolve();
      } else {
        reject(error as Error);
      }
    };
    res.once('close', finish);
    if (res.destroyed) return finish();
    let answered = false;
    let outgoing: ClientRequest;
    try {
      outgoing = httpRequest({
        createConnection: () => socket,
        method: req.method ?? 'GET',
        path,
        setHost: false,
        maxHeaderSize: settings.maxResponseHeaderBytes,
      });
      // Once there is an answer, what becomes of it counts: a backend may refuse a body, and read none of it.
      outgoing.on('error', (error) => (answered ? undefined : fail(lost(error))));
      for (const [name, values] of grouped([...fields, ...connectionFields(req)])) outgoing.setHeader(name, values);
    } catch (error) {
      return fail(new InvalidArgumentError('the request cannot be sent on', { cause: error, initiator: 'remote' }));
    }
    // A switch of protocols that nobody asked for.
    outgoing.on('upgrade', () => fail(lost(new Error('it switched protocols unasked'))));
    outgoing.on('response', (answer) => {
      answered = true;
      passResponse(req, res, answer, settings).then(finish, fail);
    });
    stopBody = sendBody(req, outgoing);
  });
}

function lost(cause: Error): ConnectionLostError {
  return new ConnectionLostError(`error trying to reach service: ${cause.message}`, { cause, initiator: 'remote' });
}

/** What concerns the connection to the backend. It serves this request only: no other caller's can follow on it. */
function connectionFields(req: IncomingMessage): readonly Field[] {
  const given = fieldsOf(req.rawHeaders);
  const fields: Field[] = [['Connection', 'close']];
  if (listOf(given, 'te').includes('trailers')) fields.push(['TE', 'trailers']);
  const trailer = valuesOf(given, 'trailer');
  if (valuesOf(given, 'transfer-encoding').length > 0) {
    fields.push(['Transfer-Encoding', 'chunked']);
    if (trailer.length > 0) fields.push(['Trailer', trailer.join(', ')]);
  }
  return fields;
}

/** Copies the body; returns how to stop, upon which the rest of it is read and thrown away. */
function sendBody(req: IncomingMessage, outgoing: ClientRequest): () => void {
  const take = (chunk: Buffer): void => {
    if (!outgoing.write(chunk)) req.pause();
  };
  const drained = (): void => {
    req.resume();
  };
  const end = (): void => {
    const trailers = fieldsOf(req.rawTrailers);
    if (trailers.length > 0) outgoing.addTrailers(trailers);
    outgoing.end();
  };
  // A body that breaks off is not to look complete.
  const broken = (): void => {
    if (!req.complete) outgoing.destroy();
  };
  req.on('data', take).on('end', end).on('error', broken).on('close', broken);
  outgoing.on('drain', drained);
  if (req.readableEnded) outgoing.end();
  return () => {
    req.off('data', take).off('end', end);
    outgoing.off('drain', drained);
    req.resume();
  };
}
