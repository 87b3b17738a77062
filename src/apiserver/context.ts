import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UserInfo } from './authorization.js';
import type { RequestInfo } from './request-info.js';

/** A request under way. Exactly one of `response` and `upgrade` is set. */
export interface RequestContext {
  readonly req: IncomingMessage;
  readonly info: RequestInfo;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** Aborts when the client is gone or the server closes. */
  readonly signal: AbortSignal;
  readonly response: ServerResponse | undefined;
  readonly upgrade: UpgradeSocket | undefined;
}

/** The raw socket of an upgrade request, with the bytes that came behind the request. */
export interface UpgradeSocket {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Serves a request; throws `StatusError` to fail it. */
export type Handler = (context: RequestContext) => void | Promise<void>;

/** A handler of plain requests. */
export type PlainHandler = (context: RequestContext, response: ServerResponse) => void | Promise<void>;
