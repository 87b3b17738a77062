/** Streams of a log and, for each, the data of its event types. */
export type StreamTypes = Record<string, Record<string, unknown>>;

/** What a log may be declared with: an interface has no index signature, and is no {@link StreamTypes}. */
export type DeclaredStreams<T> = { readonly [S in keyof T]: object };

/**
 * One event of a log: one that was published, on this pod or another, or, with `live`, one that was delivered to those who
 * follow now.
 */
export interface LogEvent<T = unknown, Type extends string = string> {
  readonly kind: 'event';
  readonly stream: string;
  /** `message` unless it was published with another. */
  readonly type: Type;
  /** What travels: the text that was published, or the JSON of the value. */
  readonly data: string;
  /** The run of the pod that published it; of a live event, of the pod that handed it out. */
  readonly origin: string;
  /** Its number among all events of its origin, from 1, without holes; 0 for a live event. */
  readonly n: number;
  /**
   * Its number among all that this log has appended, from 1: local to this run, unlike the cursor. A live event has that of
   * what was appended before it, 0 for nothing.
   */
  readonly index: number;
  /**
   * When it was published, in milliseconds of the log's clock; for an event of another pod as far as this one can tell. The
   * default clock is monotonic, with an arbitrary start: it is no time of day.
   */
  readonly time: number;
  /** The idempotency key that it was published with. */
  readonly key: string | undefined;
  /**
   * It came from outside the log (`EventLog.deliver`) and is outside what cursors promise: nobody who resumes is given it,
   * and the cursor beside it is the position that the client had before.
   */
  readonly live?: true;
  /** Parses `data` anew. @throws SyntaxError when it is no JSON. */
  json(): T;
}

/**
 * Why events are missing: they left the bounded history (`expired`); the client read too slowly (`overtaken`); the cursor
 * names a run that this pod does not know, such as the one before a restart (`unknown-origin`); or every pod that held
 * them is gone (`lost`).
 */
export type GapReason = 'expired' | 'overtaken' | 'unknown-origin' | 'lost';

/** Events that are missing: those of `origin` with `after` < n <= `through`, as far as they were of the streams followed. */
export interface MissingRange {
  readonly origin: string;
  readonly after: number;
  /** `undefined` when this pod does not know. */
  readonly through: number | undefined;
}

/** Tells a client that events are missing, and where it goes on. */
export interface Gap {
  readonly kind: 'gap';
  readonly reason: GapReason;
  /** The names or patterns that the client follows. */
  readonly streams: readonly string[];
  /** What is known of the missing events; there may be more. */
  readonly missing: readonly MissingRange[];
}

/** What following a log brings: events, and gaps where events are missing. */
export type LogItem<E extends LogEvent = LogEvent> = E | Gap;

/**
 * Where following begins: behind the newest event (`now`), before the oldest retained one (`start`, without a gap for those
 * that are gone), after a cursor, or with the item of an index of this run. An index that is gone brings a gap first, one in
 * the future is waited for, and 0 means `start`.
 */
export type StartPosition = 'now' | 'start' | { readonly cursor: string } | { readonly index: number };

/**
 * How the items of a log become what one transport sends. Frames are shared by all followers with the same framer, so that
 * framers must be long-lived objects and frames are never changed. The frame of an event is kept while there is room, and
 * made again when it is wanted after that. What a framer throws is thrown by `pull`.
 */
export interface Framer<F> {
  /** @param cursor The position behind the event. */
  event(event: LogEvent, cursor: string): F;
  /** @param cursor The position behind the gap. */
  gap(gap: Gap, cursor: string): F;
  /** Several frames in a row as one; never called with none. May be called with one. */
  batch(frames: readonly F[]): F;
  /** Bytes of a frame, for bounds. */
  size(frame: F): number;
}

/** Why following ended. */
export type EndReason =
  /** The follower ended it: the client has gone. */
  | 'left'
  /** The log was closed. */
  | 'closed'
  /** The ring overtook the client, and the policy is to drop it. */
  | 'overtaken'
  /** The client took no bytes for too long. */
  | 'stalled'
  /** The client broke the rules of its transport. */
  | 'protocol'
  /** A server-side time limit passed. */
  | 'timeout'
  /** The transport failed to serve it: a defect, or a hook of the user that threw. The error is a warning of the process. */
  | 'failed';

/** What a follower asks of a log. The object is kept, and its functions are called as its methods. */
export interface FollowOptions<F> {
  /** Names, and patterns in which `*` stands for any characters, none included. Up to 64 of up to 256 characters, with 8 stars each. */
  readonly streams: string | readonly string[];
  /** Default `now`. */
  readonly start?: StartPosition;
  readonly framer: Framer<F>;
  /** Short name, for metrics and the list of subscribers: `sse`, `websocket`, … */
  readonly transport: string;
  /** Who it is, for the list of subscribers: an address, a user. */
  readonly peer?: string | undefined;
  /** What happens when the ring overtakes the client: it is told of the gap and goes on, or it is dropped. Default `gap`. */
  readonly whenOvertaken?: 'gap' | 'drop';
  /**
   * There is something to pull again; it may turn out to be nothing that the client lacks. Called once after a `pull` that
   * returned nothing, from the flush of a later tick. When it throws, following ends with `failed` and a warning of the process.
   */
  readonly onReady: () => void;
  /**
   * The log ends following: it was closed, the client was overtaken and is to be dropped, or `onReady` threw. Called once, and
   * not for `end()`. While a closing log calls it, `pull` still gives what is due. What it throws is a warning of the process.
   */
  readonly onEnd?: (reason: EndReason) => void;
}

/** A piece of what a follower is due. */
export interface Slice<F> {
  readonly payload: F;
  /** Events and gaps in it; at least 1. */
  readonly items: number;
  /** Bytes of the payload, as the framer counts. */
  readonly bytes: number;
}

/** One client following a log. Everything is pulled: nothing waits in a queue of the client's own. */
export interface Follower<F> {
  /** Unique in the log. */
  readonly id: number;
  /** The names or patterns that it follows, in one order. */
  readonly streams: readonly string[];
  readonly transport: string;
  readonly peer: string | undefined;
  /** When it began, in the clock's milliseconds. */
  readonly since: number;
  /** Items that were pulled. */
  readonly delivered: number;
  /** The cursor behind what was pulled so far: the position to resume from. */
  readonly cursor: string;
  /** Items that are due, at most; at least 1 when there are any. */
  readonly lag: number;
  /** Why it ended; `undefined` while it follows. */
  readonly ended: EndReason | undefined;
  /**
   * The next items, oldest first, or `undefined` when there are none: then `onReady` will be called. At least one item
   * comes, whatever its size. Without a limit all that is due comes at once.
   *
   * @param limit The most items, and the most bytes as the framer counts them. Default of both: no bound.
   * @throws what the framer throws.
   */
  pull(limit?: { readonly items?: number; readonly bytes?: number }): Slice<F> | undefined;
  /** Ends following, and counts the reason, by default `left`. Safe to call again. */
  end(reason?: EndReason): void;
}
