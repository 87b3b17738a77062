import { ServerResponse, type OutgoingHttpHeaders } from 'node:http';
import type { Follower, FollowOptions, Framer } from '../log/types.js';
import { Alarm } from '../../clock/alarm.js';
import { chooseCoding, type Coding } from './accept.js';
import { BrotliOutlet } from './brotli-outlet.js';
import { headerOf } from './headers.js';
import { endInSlices, type Drain } from './drain.js';
import { GzipOutlet, isUntouched, PlainOutlet, type Outlet } from './outlet.js';
import { Payload } from './payload.js';
import { varyWith } from './respond.js';
import { StreamingClient, type Following, type StreamingHost } from './streaming-client.js';
import type { StreamingSettings } from './streaming-options.js';
import type { PushRequest, PushResponse } from './types.js';

/** Sweeps within the shorter of both periods. */
const SWEEPS = 8;
/** Compressors that clients may make us keep: some hundred KiB each. Past them brotli is not offered. */
const MAX_BROTLI_CLIENTS = 256;

/** A log, as far as responses follow it. */
export interface PayloadLog {
  follow(options: FollowOptions<Payload>): Follower<Payload>;
}

/** What one response is fed from. */
export interface StreamingRequest extends Following {
  readonly log: PayloadLog;
  /** Default: that of the handler. */
  readonly framer?: Framer<Payload>;
  /** Replace those that the response has, `Content-Type` among them. */
  readonly headers: OutgoingHttpHeaders;
  /** What is sent first; the follower is at its beginning. */
  readonly preamble?: (follower: Follower<Payload>) => string;
}

/** A listener that is given who calls it: one serves all responses, where closures would stay with each. */
function withThis(listener: (res: PushResponse) => void): (this: PushResponse) => void {
  return function () {
    listener(this);
  };
}

/**
 * The responses of one handler that are fed from a log: everybody gets the same bytes, framed and compressed once, and one
 * timer sends keepalives to the silent and cuts off the stuck.
 */
export class StreamingResponses implements StreamingHost {
  tick = 0;
  readonly idleTicks: number;
  readonly stallTicks: number;
  readonly keepAlive: Payload;
  readonly #settings: StreamingSettings;
  readonly #framer: Framer<Payload>;
  readonly #clients = new Map<PushResponse, StreamingClient>();
  readonly #onClose: (this: PushResponse) => void;
  readonly #period: number;
  readonly #sweeper: Alarm;
  #brotliClients = 0;
  #lastPreamble: { readonly text: string; readonly payload: Payload } | undefined;

  /** @param keepAlive What clients are sent that were sent nothing else. */
  constructor(framer: Framer<Payload>, keepAlive: string, settings: StreamingSettings) {
    const { keepAlive: idle, writeTimeout, clock } = settings;
    this.#framer = framer;
    this.#settings = settings;
    this.keepAlive = Payload.of(keepAlive);
    this.#period = Math.min(idle || Infinity, writeTimeout || Infinity) / SWEEPS;
    // A write counts as of the sweep before it, being stuck as of the sweep that sees it.
    this.idleTicks = idle === 0 ? 0 : Math.floor(idle / this.#period);
    this.stallTicks = writeTimeout === 0 ? 0 : Math.ceil(writeTimeout / this.#period);
    this.#sweeper = new Alarm(clock, () => this.#sweep());
    this.#onClose = withThis((res) => this.#closed(res));
  }

  /** Responses that are not closed yet. */
  get size(): number {
    return this.#clients.size;
  }

  /**
   * Sends the head and then whatever the log has for the client, until either goes away.
   *
   * @throws What `follow` throws; nothing was sent then.
   */
  start(req: PushRequest, res: PushResponse, request: StreamingRequest): StreamingClient {
    const { headers, preamble } = request;
    const client = new StreamingClient(this, res, request, request.framer ?? this.#framer);
    const follower = request.log.follow(client);
    this.#clients.set(res, client);
    if (this.#clients.size === 1) this.#schedule();
    res.on('close', this.#onClose);
    // The head and what comes first leave in one packet. With HTTP/2 they are no bytes of a socket.
    const socket = res instanceof ServerResponse ? res.socket : null;
    socket?.cork();
    try {
      const outlet = this.#sendHead(req, res, headers);
      client.begin(outlet, follower, this.#preamble(preamble?.(follower) ?? ''));
    } catch (error) {
      follower.end();
      this.#closed(res);
      throw error;
    } finally {
      socket?.uncork();
    }
    return client;
  }

  /** Answers a HEAD with the head that a GET would get. */
  startHead(res: PushResponse, headers: OutgoingHttpHeaders): void {
    res.writeHead(200, { ...headers, ...this.#vary(res) });
    res.end();
  }

  #vary(res: PushResponse): OutgoingHttpHeaders {
    return this.#settings.compression ? { Vary: varyWith(res, 'Accept-Encoding') } : {};
  }

  /** Clients that come at the same time are told the same. */
  #preamble(text: string): Payload {
    if (this.#lastPreamble?.text !== text) this.#lastPreamble = { text, payload: Payload.of(text) };
    return this.#lastPreamble.payload;
  }

  /** Ends all responses in order. */
  end(): void {
    for (const client of this.#clients.values()) client.end('closed');
  }

  /** Ends all responses in order over a time. Settles when all were told. */
  async drain(drain: Drain): Promise<void> {
    const ending = {
      clients: this.#clients.values(),
      remains: (client: StreamingClient) => !client.over,
      end: (client: StreamingClient) => client.end('closed'),
    };
    await endInSlices(ending, this.#settings.clock, drain);
  }

  #sendHead(req: PushRequest, res: PushResponse, headers: OutgoingHttpHeaders): Outlet {
    res.removeHeader('Content-Length');
    const coding = this.#coding(req, res);
    const all = { ...headers, ...this.#vary(res) };
    if (coding !== 'identity') all['Content-Encoding'] = coding;
    // Set one by one they would stay for as long as the response.
    res.writeHead(200, all);
    if (res instanceof ServerResponse) res.flushHeaders();
    if (coding === 'gzip') return new GzipOutlet(res);
    if (coding === 'identity') return new PlainOutlet(res);
    this.#brotliClients += 1;
    res.on('close', () => {
      this.#brotliClients -= 1;
    });
    return new BrotliOutlet(res);
  }

  /** A middleware that sees what is written, or a coding that somebody has set, is not interfered with. */
  #coding(req: PushRequest, res: PushResponse): Coding {
    if (!this.#settings.compression) return 'identity';
    if (!isUntouched(res) || res.hasHeader('content-encoding')) return 'identity';
    const coding = chooseCoding(headerOf(req, 'accept-encoding'));
    return coding === 'br' && this.#brotliClients >= MAX_BROTLI_CLIENTS ? 'identity' : coding;
  }

  #closed(res: PushResponse): void {
    this.#clients.get(res)?.closed();
    this.#clients.delete(res);
    if (this.#clients.size === 0) this.#sweeper.cancel();
  }

  #schedule(): void {
    if (this.#period < Infinity) this.#sweeper.set(this.#settings.clock.now() + this.#period);
  }

  #sweep(): void {
    this.tick += 1;
    this.#schedule();
    for (const client of this.#clients.values()) client.sweep();
  }
}
