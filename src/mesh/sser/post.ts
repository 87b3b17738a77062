import { request, type Agent } from 'node:http';
import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { TimeoutError } from '../../errors/index.js';
import type { LogEvent } from '../../push/log/types.js';
import type { Address } from '../node/dialer.js';
import { ORIGIN_HEADER, PEER_ENDPOINT_URL_PATH } from './constants.js';
import { encodePeerEvent } from './peer-event.js';

/** An event on its way to peers. It is encoded once for all of them. */
export class Post {
  readonly event: LogEvent;
  #body: Buffer | undefined;

  constructor(event: LogEvent) {
    this.event = event;
  }

  get body(): Buffer {
    this.#body ??= encodePeerEvent(this.event);
    return this.#body;
  }
}

/** What became of a post. */
export type PostOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  /** There was no connection: the peer has not got it. */
  | { readonly kind: 'unreached'; readonly error: Error }
  /** It was on its way: the peer may have got it, or not. */
  | { readonly kind: 'unknown'; readonly error: Error };

/** Where and how an event is posted. */
export interface PostTarget {
  readonly address: Address;
  readonly agent: Agent;
  readonly clock: Clock;
  /** Milliseconds for the connection and the answer together. */
  readonly timeout: number;
}

/** Bytes of an answer that are read, so that the connection can be used again. */
const LONGEST_ANSWER = 64 * 1024;

/** Posts an event; calls back once, unless it is cancelled. */
export function postEvent(
  { body, event }: Post,
  target: PostTarget,
  settled: (outcome: PostOutcome) => void,
): { cancel(): void } {
  const { address, agent, clock, timeout } = target;
  let over = false;
  let connected = false;
  let status: number | undefined;
  let read = 0;
  const settle = (outcome: PostOutcome | undefined): void => {
    if (over) return;
    over = true;
    alarm.cancel();
    if (outcome !== undefined) settled(outcome);
  };
  const fail = (error: Error): void => {
    // What was answered counts, whatever comes behind.
    if (status !== undefined) settle({ kind: 'answered', status });
    else settle({ kind: connected ? 'unknown' : 'unreached', error });
    req.destroy();
  };
  const req = request({
    agent,
    host: address.host,
    port: address.port,
    method: 'POST',
    path: PEER_ENDPOINT_URL_PATH,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      [ORIGIN_HEADER]: event.origin,
    },
  });
  const alarm = new Alarm(clock, () => fail(new TimeoutError(`no answer within ${timeout} ms`, timeout)));
  req.on('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => (connected = true));
    else connected = true;
  });
  req.on('error', fail);
  req.on('upgrade', (_res, socket) => {
    socket.destroy();
    fail(new Error('the peer upgraded the connection'));
  });
  req.on('response', (res) => {
    const { statusCode = 0 } = res;
    status = statusCode;
    res.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read > LONGEST_ANSWER) fail(new Error('the answer is too long'));
    });
    res.on('end', () => settle({ kind: 'answered', status: statusCode }));
    res.on('error', fail);
    res.on('close', () => settle({ kind: 'answered', status: statusCode }));
  });
  alarm.set(clock.now() + timeout);
  req.end(body);
  return {
    cancel: () => {
      settle(undefined);
      req.destroy();
    },
  };
}
