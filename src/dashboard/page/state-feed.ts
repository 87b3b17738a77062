import { systemClock } from '../../clock/clock.js';
import type { Notice, Snapshot } from '../state.js';

/** What hears of the cluster. */
export interface StateListener {
  snapshot(snapshot: Snapshot): void;
  notice(notice: Notice): void;
  /** Whether the dashboard's server answers. */
  connection(connected: boolean): void;
}

const AGAIN = 1_500;

/**
 * Follows `/state`. The server's log replays the last minutes to a page that is new and what it missed to one that was away.
 * A page that nobody sees lets go of its connection, for browsers have few.
 */
export class StateFeed {
  readonly #listener: StateListener;
  #source: EventSource | undefined;

  constructor(listener: StateListener) {
    this.#listener = listener;
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#close();
      else this.open();
    });
  }

  open(): void {
    if (this.#source !== undefined) return;
    // What was seen is told again to a new source, and known by its time.
    const source = new EventSource('/state');
    this.#source = source;
    source.addEventListener('open', () => this.#listener.connection(true));
    source.addEventListener('snapshot', ({ data }) => this.#listener.snapshot(JSON.parse(data) as Snapshot));
    source.addEventListener('notice', ({ data }) => this.#listener.notice(JSON.parse(data) as Notice));
    source.addEventListener('error', () => {
      this.#listener.connection(false);
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      // Refused: what it resumes from may be of a cluster before this one.
      this.#close();
      systemClock.setTimeout(() => !document.hidden && this.open(), AGAIN);
    });
  }

  #close(): void {
    this.#source?.close();
    this.#source = undefined;
  }
}
