import { answer } from '../http/respond.js';
import type { PushRequest, PushResponse } from '../http/types.js';
import type { Follower, Framer, StartPosition } from '../log/types.js';
import type { WatchLine } from './object.js';
import { expired } from './status.js';
import type { WatchableLog } from './types.js';

/** What a list needs. */
export interface ListContext {
  readonly log: WatchableLog;
  readonly streams: readonly string[];
  readonly peer: string | undefined;
  readonly framer: Framer<readonly WatchLine[]>;
  readonly kind: string;
  readonly apiVersion: string;
  /** Last states of objects, whole, instead of events, a page at a time. */
  readonly states: boolean;
  /** Bytes of a page, about. */
  readonly maxBytes: number;
  /** Items of a page; 0: no limit. */
  readonly limit: number;
  /** Where a page begins; empty for the first. */
  readonly continue: string;
}

/**
 * Answers with what is retained. Its `metadata.resourceVersion` is the position behind what the answer holds, of each page
 * too, so that a watch from there lacks nothing even if the client knows of no pages.
 *
 * @throws StatusFailure (410) when a page begins where the history has gone; what `follow` throws.
 */
export function answerList(req: PushRequest, res: PushResponse, context: ListContext): void {
  const { log, streams, framer, peer, kind, apiVersion } = context;
  const start: StartPosition = context.continue === '' ? 'start' : { cursor: context.continue };
  const follower = log.follow({ streams, start, framer, peer, transport: 'list', onReady: () => {} });
  try {
    const items = context.states ? statesOf(follower) : pageOf(follower, context);
    const more = !context.states && follower.lag > 0;
    const { cursor } = follower;
    const metadata = { resourceVersion: cursor, ...(more ? { continue: cursor } : {}) };
    const head = JSON.stringify({ kind: `${kind}List`, apiVersion, metadata }).slice(0, -1);
    const objects = items.map(({ bytes, objectAt }) => bytes.toString('utf8', objectAt, bytes.length - 2));
    answer(req, res, 200, `${head},"items":[${objects.join(',')}]}\n`, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-cache, private',
    });
  } finally {
    follower.end();
  }
}

function pageOf(
  follower: Follower<readonly WatchLine[]>,
  { limit, maxBytes, continue: token }: ListContext,
): WatchLine[] {
  const items: WatchLine[] = [];
  const maxItems = limit === 0 ? Infinity : limit;
  let bytes = 0;
  while (bytes < maxBytes && items.length < maxItems) {
    const slice = follower.pull({ items: maxItems - items.length, bytes: maxBytes - bytes });
    if (slice === undefined) break;
    bytes += slice.bytes;
    for (const line of slice.payload) {
      if (!line.special) items.push(line);
      else if (token !== '' && line.gap !== undefined) throw expired('the continue token is too old: list anew');
    }
  }
  return items;
}

function statesOf(follower: Follower<readonly WatchLine[]>): WatchLine[] {
  const states = new Map<string, WatchLine>();
  for (let slice = follower.pull(); slice !== undefined; slice = follower.pull()) {
    for (const line of slice.payload) {
      if (line.special) continue;
      // The order is that of the last changes.
      states.delete(line.name);
      if (line.type !== 'DELETED') states.set(line.name, line);
    }
  }
  return [...states.values()];
}
