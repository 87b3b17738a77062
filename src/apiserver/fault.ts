/** What befalls a watch that is open, at once or after so many events (default 0). */
export type WatchFault =
  /** The connection is destroyed, as by a crash of the server or a middlebox. */
  | { readonly kind: 'kill'; readonly afterEvents?: number }
  /** It ends in order, as when its time is over. */
  | { readonly kind: 'end'; readonly afterEvents?: number }
  /** Nothing is sent any more, not even the end; the connection stays. */
  | { readonly kind: 'stall'; readonly afterEvents?: number }
  /** An ERROR event with a Status of 410, and the end: the form in which API servers say it. */
  | { readonly kind: 'gone'; readonly form?: 'event'; readonly afterEvents?: number }
  /** The event that follows is cut in its middle; then the connection breaks (`reset`, the default) or the answer ends in order. */
  | { readonly kind: 'truncate'; readonly how?: 'reset' | 'end'; readonly afterEvents?: number };

/** What befalls a request; those that only watches know break off lists half-way, `gone` excepted. */
export type APIFault =
  | WatchFault
  /** Nothing: so that a script can let a request pass. */
  | { readonly kind: 'none' }
  /** HTTP 410 in answer. On a list: as for a token that has expired. */
  | { readonly kind: 'gone'; readonly form: 'status' }
  /** An error in answer: `code`, by default 503, and a Retry-After header if wanted. */
  | { readonly kind: 'unavailable'; readonly code?: number; readonly retryAfterSeconds?: number }
  /** No answer at all; the connection stays. */
  | { readonly kind: 'silence' };

/** Which requests are meant; what is left out is any. */
export interface FaultScope {
  /** Plural, as in paths: `pods`, `endpointslices`. */
  readonly resource?: string;
  readonly verb?: 'get' | 'list' | 'watch';
}

/** A request that came to a resource. */
export interface SeenRequest {
  readonly resource: string;
  readonly verb: 'get' | 'list' | 'watch';
  readonly query: URLSearchParams;
}
