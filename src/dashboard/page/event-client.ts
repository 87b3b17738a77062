import { systemClock } from '../../clock/clock.js';
import { EventStreamParser, type ParsedEvent } from '../../sse/parser.js';
import { fraction } from './random.js';
import type { Tunnel } from './tunnel.js';

/** Where a client is. */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'stopped';

/** What hears of a client. */
export interface ClientListener {
  event(event: ParsedEvent): void;
  /** Called when its state or its pod has changed. */
  changed?(): void;
}

/** Milliseconds until it comes back, at least and at most. */
const AGAIN = [150, 900] as const;

/**
 * A client of event streams, as any is: it reads them with `EventStreamParser`, and when its connection breaks off it comes
 * back with the id of the last event. Which pod it is on is the balancer's choice.
 */
export class EventClient {
  readonly #tunnel: Tunnel;
  readonly #path: string;
  readonly #listener: ClientListener;
  readonly #stop = new AbortController();
  #parser: EventStreamParser;
  #state: ClientState = 'connecting';
  #pod = '';
  /** When it was connected last, in milliseconds of the clock. */
  since = 0;
  /** Connections after the first. */
  resumed = 0;
  /** Why it is not connected. */
  trouble = '';

  constructor(tunnel: Tunnel, stream: string, listener: ClientListener) {
    this.#tunnel = tunnel;
    this.#path = `/events?${new URLSearchParams({ stream })}`;
    this.#listener = listener;
    this.#parser = this.#newParser('');
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The pod that it is on, or was on last. */
  get pod(): string {
    return this.#pod;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
    this.#become('stopped');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let connections = 0;
    while (!signal.aborted) {
      this.#become('connecting');
      try {
        const answer = await this.#tunnel.open(this.#path, this.#parser.lastEventId, signal);
        if (answer.status === 200) {
          connections += 1;
          this.resumed = connections - 1;
          this.#pod = answer.headers['Trunkline-Pod'] ?? '';
          this.since = systemClock.now();
          this.trouble = '';
          this.#become('open');
          for await (const chunk of answer.chunks) this.#parser.feed(chunk);
        } else {
          this.trouble = `the answer was ${answer.status}`;
          // A cursor that no pod knows any more would be refused again.
          if (answer.status === 400) this.#parser = this.#newParser('');
          for await (const _ of answer.chunks);
        }
      } catch (error) {
        this.trouble = error instanceof Error ? error.message : String(error);
      }
      if (signal.aborted) return;
      this.#parser.end();
      this.#become('waiting');
      const [least, most] = AGAIN;
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, least + fraction() * (most - least)));
    }
  }

  #newParser(lastEventId: string): EventStreamParser {
    return new EventStreamParser({ event: (event) => this.#listener.event(event) }, { lastEventId });
  }

  #become(state: ClientState): void {
    if (this.#state === 'stopped') return;
    this.#state = state;
    this.#listener.changed?.();
  }
}
