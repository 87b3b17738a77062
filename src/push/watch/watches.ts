import { payloadFramer } from '../http/framer.js';
import type { Drain } from '../http/drain.js';
import { StreamingResponses } from '../http/streaming.js';
import type { StreamingClient } from '../http/streaming-client.js';
import type { StreamingSettings } from '../http/streaming-options.js';
import { CURSOR_HEADER, RUN_HEADER, type PushRequest, type PushResponse } from '../http/types.js';
import type { Verdict } from '../lines/line-follower.js';
import { inLines } from '../lines/streamed.js';
import type { EndReason, Follower, Framer, StartPosition } from '../log/types.js';
import { bookmark, type WatchLine } from './object.js';
import type { WatchSettings } from './options.js';
import type { WatchQuery } from './query.js';
import { Timetable, type TimedWatch } from './timetable.js';
import type { WatchableLog } from './types.js';

/** Lines have a framer of their own. */
const UNUSED_FRAMER = payloadFramer({ event: () => '', gap: () => '' });

/** The watches of one handler. */
export class Watches {
  readonly #log: WatchableLog;
  readonly #framer: Framer<readonly WatchLine[]>;
  readonly #settings: WatchSettings & StreamingSettings;
  readonly #responses: StreamingResponses;
  readonly #timetable: Timetable;

  constructor(log: WatchableLog, framer: Framer<readonly WatchLine[]>, settings: WatchSettings & StreamingSettings) {
    this.#log = log;
    this.#framer = framer;
    this.#settings = settings;
    this.#responses = new StreamingResponses(UNUSED_FRAMER, '', settings);
    this.#timetable = new Timetable(settings.clock, settings.bookmarkInterval);
  }

  /** Responses that are not closed yet. */
  get size(): number {
    return this.#responses.size;
  }

  /** Ends all watches in order. */
  close(): void {
    this.#responses.end();
  }

  /** The same over a time. */
  async drain(drain: Drain): Promise<void> {
    await this.#responses.drain(drain);
  }

  /** @throws what `follow` throws; nothing was sent then. */
  start(
    req: PushRequest,
    res: PushResponse,
    streams: readonly string[],
    peer: string | undefined,
    query: WatchQuery,
  ): void {
    const { clock } = this.#settings;
    const start = startOf(query);
    const bookmarks = query.allowWatchBookmarks;
    const state: WatchState = { client: undefined, follower: undefined, caughtUp: false, over: false };
    const sendBookmark = (afterInitial = false): void => {
      if (state.follower !== undefined) {
        state.client?.send(bookmark(this.#settings, state.follower.cursor, afterInitial));
      }
    };
    const lines = inLines<WatchLine>(this.#log, this.#framer, {
      judge: ({ gap }, initial): Verdict => (initial && start === 'start' && gap === 'lost' ? 'skip' : 'last'),
      onCaughtUp: () => {
        state.caughtUp = true;
        if (bookmarks) sendBookmark(query.sendInitialEvents);
      },
      onLast: () => {
        state.over = true;
        state.client?.end('overtaken');
      },
    });
    const client = this.#responses.start(req, res, {
      log: lines,
      streams,
      start,
      transport: 'watch',
      peer,
      headers: this.#headers(streams, start),
      preamble: (follower) => {
        state.follower = follower;
        return '';
      },
      farewell: (reason) => (bookmarks && !state.over ? this.#farewell(reason, state.follower) : undefined),
    });
    state.client = client;
    // Both may have come about before there was a client to tell.
    if (state.over) client.end('overtaken');
    else if (state.caughtUp && bookmarks) sendBookmark(query.sendInitialEvents);
    const watch: TimedWatch = {
      deadline: clock.now() + this.#lifetime(query),
      end: () => client.end('timeout'),
      ...(bookmarks ? { bookmark: () => sendBookmark() } : {}),
    };
    this.#timetable.add(watch);
    res.once('close', () => this.#timetable.remove(watch));
  }

  #headers(streams: readonly string[], start: StartPosition): Record<string, string> {
    return {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-cache, private',
      'X-Accel-Buffering': 'no',
      [RUN_HEADER]: this.#log.origin,
      // So that a client that asked for no bookmarks, and got nothing, can resume.
      ...(start === 'now' ? { [CURSOR_HEADER]: this.#log.cursor(streams) } : {}),
    };
  }

  #farewell(reason: EndReason, follower: Follower<unknown> | undefined): string | undefined {
    if (follower === undefined || (reason !== 'timeout' && reason !== 'closed')) return undefined;
    return bookmark(this.#settings, follower.cursor);
  }

  #lifetime({ timeoutSeconds }: WatchQuery): number {
    const { minRequestTimeout, random } = this.#settings;
    if (timeoutSeconds !== undefined) return timeoutSeconds * 1000;
    return minRequestTimeout === 0 ? Infinity : minRequestTimeout * (1 + random());
  }
}

interface WatchState {
  client: StreamingClient | undefined;
  follower: Follower<unknown> | undefined;
  caughtUp: boolean;
  over: boolean;
}

function startOf({ resourceVersion, sendInitialEvents }: WatchQuery): StartPosition {
  if (sendInitialEvents === true) return 'start';
  if (resourceVersion === '') return 'now';
  if (resourceVersion === '0') return sendInitialEvents === undefined ? 'start' : 'now';
  return { cursor: resourceVersion };
}
