/**
 * Where the events of a sink come from: an iterable, or a function that is called once with a signal and returns one. The
 * signal is aborted when the client goes away; an iterable's `return()` is called as well.
 */
export type EventFeed<T> = FeedIterable<T> | ((signal: AbortSignal) => FeedIterable<T>);

type FeedIterable<T> = AsyncIterable<T> | Iterable<T>;

/** An iterator that may be asynchronous or not. */
export type FeedIterator<T> = AsyncIterator<T, unknown> | Iterator<T, unknown>;

/** Begins to iterate over a feed. */
export function iterateFeed<T>(feed: EventFeed<T>, signal: AbortSignal): FeedIterator<T> {
  const iterable = typeof feed === 'function' ? feed(signal) : feed;
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}

/**
 * A feed of the JSON texts of what another feed gives. What JSON has no text for, and `null`, is left out.
 *
 * It throws what `JSON.stringify` throws, for a cycle for example.
 */
export function newJSONEncoderFeed(feed: EventFeed<unknown>): EventFeed<string> {
  return (signal) => ({
    [Symbol.asyncIterator](): AsyncIterator<string> {
      const source = iterateFeed(feed, signal);
      return {
        async next() {
          for (;;) {
            const result = await source.next();
            if (result.done === true) return { done: true, value: undefined };
            const text: string | undefined = JSON.stringify(result.value);
            if (text !== undefined && text !== 'null') return { done: false, value: text };
          }
        },
        async return() {
          await source.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  });
}
