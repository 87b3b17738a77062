import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { EventStreamParser } from '../../../../src/sse/index.js';
import { Tally } from './tally.js';

/** Milliseconds between an end and the next attempt. */
const SHORTEST_PAUSE = 20;
const PAUSES = 200;

/** How a client finds pods. */
export interface ClientEnvironment {
  /** Base URLs of the pods, of which any may be gone. */
  readonly targets: () => readonly string[];
  readonly query: string;
  readonly random: () => number;
  /** Called when the first response has begun, and after each event. */
  readonly onConnected: () => void;
  readonly onEvent: () => void;
}

/** A client of event streams: goes on elsewhere, from the last id it was given, whenever its stream ends. */
export class FollowingClient {
  readonly tally: Tally = new Tally();
  readonly gaps: string[] = [];
  reconnects = -1;
  failures = 0;
  readonly #environment: ClientEnvironment;
  #lastEventId = '';
  #request: ClientRequest | undefined;
  #lastTarget = '';
  #closed = false;

  constructor(environment: ClientEnvironment) {
    this.#environment = environment;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#request?.destroy();
  }

  #connect(): void {
    if (this.#closed) return;
    const { query } = this.#environment;
    this.#lastTarget = this.#choose();
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.#lastEventId !== '') headers['Last-Event-ID'] = this.#lastEventId;
    const request = get(`${this.#lastTarget}/events?${query}`, { agent: false, headers });
    this.#request = request;
    let over = false;
    const again = (): void => {
      if (over) return;
      over = true;
      request.destroy();
      setTimeout(() => this.#connect(), SHORTEST_PAUSE + this.#environment.random() * PAUSES);
    };
    request.on('response', (response) => {
      if (response.statusCode === 200) return this.#read(response, again);
      this.failures += 1;
      response.resume();
      // Any other answer than "not now" tells of a fault that trying again would hide.
      if (response.statusCode !== 503) this.gaps.push(`status ${String(response.statusCode)}`);
      again();
    });
    request.on('error', () => {
      this.failures += 1;
      again();
    });
  }

  #read(response: IncomingMessage, again: () => void): void {
    this.reconnects += 1;
    if (this.reconnects === 0) this.#environment.onConnected();
    const parser = new EventStreamParser(
      {
        event: ({ type, data }) => {
          if (type === 'gap') this.gaps.push(data);
          else this.tally.add(Number.parseInt(data, 10));
          this.#environment.onEvent();
        },
      },
      { lastEventId: this.#lastEventId },
    );
    const end = (): void => {
      this.#lastEventId = parser.lastEventId;
      again();
    };
    response.on('data', (chunk: Buffer) => parser.feed(chunk));
    response.on('end', end);
    response.on('error', end);
    response.on('close', end);
  }

  /** Another pod than the last one, where there is another. */
  #choose(): string {
    const { targets, random } = this.#environment;
    const others = targets().filter((url) => url !== this.#lastTarget);
    const choice = others.length > 0 ? others : targets();
    return choice[Math.floor(random() * choice.length)] ?? '';
  }
}
