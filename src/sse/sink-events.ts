import { newJSONEncoderFeed, type EventFeed } from './feed.js';
import { EventSink, type EventResponse, type EventSinkOptions, type SinkEnd, type SinkEvent } from './sink.js';

/**
 * Answers a request with the events of a feed. Resolves when the feed ended or the client is gone, with which it was.
 *
 * @throws InvalidArgumentError for options out of range, a head that was sent already, or an event that cannot be encoded;
 * otherwise what the feed throws.
 */
export async function sinkEvents(
  response: EventResponse,
  statusCode: number,
  feed: EventFeed<SinkEvent>,
  options?: EventSinkOptions,
): Promise<SinkEnd> {
  const sink = new EventSink(response, feed, options);
  sink.respond(statusCode);
  return await sink.sink();
}

/** {@link sinkEvents} for anything that JSON can express, one event for each; `null` and what JSON lacks are left out. */
export async function sinkJSONEvents(
  response: EventResponse,
  statusCode: number,
  feed: EventFeed<unknown>,
  options?: EventSinkOptions,
): Promise<SinkEnd> {
  return await sinkEvents(response, statusCode, newJSONEncoderFeed(feed), options);
}
