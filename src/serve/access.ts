import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../carrier/request-host.js';
import { isRefusal, verdictOf, type Admission, type AuthorizeResult, type Refusal } from '../push/http/authorize.js';
import { headerOf } from '../push/http/headers.js';
import { isPattern } from '../push/log/names.js';
import type { TokenSource } from './tokens.js';

/** What is asked for: to follow streams, to publish to them, or to see who follows and how the pod does. */
export type AccessAction = 'follow' | 'publish' | 'inspect';

/** A request, as an `authorize` hook sees it, over whichever transport it came. */
export interface AccessRequest {
  readonly action: AccessAction;
  /** Names, and patterns of those who follow. With `inspect` none; with `follow` none at a WebSocket that subscribes later. */
  readonly streams: readonly string[];
  /** A header, or metadata of a gRPC call, by lower-case name; repeated ones are joined by commas. */
  header(name: string): string | undefined;
  /** Address of the client, or of the proxy before it. */
  readonly remoteAddress: string | undefined;
  /** The HTTP request; `undefined` for a gRPC call. */
  readonly request: IncomingMessage | undefined;
}

/**
 * Decides about a request: `true`, or `{ peer }` with a name for lists, lets it pass; `false` is 403; `{ status, headers,
 * body }` is another refusal. When it throws, the answer is 500.
 */
export type AuthorizeAccess = (access: AccessRequest) => AuthorizeResult | Promise<AuthorizeResult>;

/** Who may do what. */
export interface AccessRules {
  readonly authorize: AuthorizeAccess | undefined;
  /** Bearer tokens of those who may publish and inspect. */
  readonly tokens: TokenSource | undefined;
  /** Whether anybody may follow patterns; otherwise those who may inspect. */
  readonly wildcards: boolean;
}

/** What is allowed in answer to a request; see {@link verdictOf}. */
export type Verdict = Refusal | Partial<Admission>;

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;

/** What proxies add: with one of these a client is not on this machine though its connection is. */
const PROXIED =
  /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-envoy-.*|x-original-.*|cf-connecting-ip|true-client-ip)$/i;

const LOOPBACK_ONLY =
  'only clients on this machine may do this, for the server was given neither a token nor an authorize hook';

/** Decides who may follow, publish and inspect. */
export class Access {
  readonly #rules: AccessRules;

  constructor(rules: AccessRules) {
    this.#rules = rules;
  }

  /** @throws what the hook throws; InvalidArgumentError when it gives what is no answer. */
  async check(access: AccessRequest): Promise<Verdict> {
    const { authorize, tokens, wildcards } = this.#rules;
    if (authorize !== undefined) return verdictOf(await authorize(access));
    if (access.action === 'follow' && (wildcards || !access.streams.some(isPattern))) return {};
    if (tokens !== undefined) return await checkToken(access, tokens);
    return isLocal(access) ? {} : refusal(403, 'ERR_FORBIDDEN', LOOPBACK_ONLY);
  }

  /** The same as hooks of handlers answer it. */
  async answer(access: AccessRequest): Promise<AuthorizeResult> {
    const verdict = await this.check(access);
    if (isRefusal(verdict)) return verdict;
    return verdict.peer === undefined ? true : { peer: verdict.peer };
  }
}

/** The request, as hooks see it. */
export function accessOf(req: IncomingMessage, action: AccessAction, streams: readonly string[]): AccessRequest {
  return {
    action,
    streams,
    header: (name) => headerOf(req, name.toLowerCase()),
    remoteAddress: req.socket.remoteAddress,
    request: req,
  };
}

async function checkToken({ header }: AccessRequest, tokens: TokenSource): Promise<Verdict> {
  const given = header('authorization');
  if (given === undefined) {
    return refusal(401, 'ERR_UNAUTHORIZED', 'this needs a token: Authorization: Bearer TOKEN', 'Bearer');
  }
  const token = BEARER.exec(given)?.[1];
  if (token !== undefined && (await tokens.knows(token))) return {};
  return refusal(401, 'ERR_UNAUTHORIZED', 'the token is not valid', 'Bearer error="invalid_token"');
}

/** A connection from this machine that no proxy speaks for. Of proxies that add no header nothing can be known. */
function isLocal({ remoteAddress, request }: AccessRequest): boolean {
  if (!isLoopback(remoteAddress)) return false;
  return request === undefined || !request.rawHeaders.some((name, index) => index % 2 === 0 && PROXIED.test(name));
}

function refusal(status: number, code: string, error: string, challenge?: string): Refusal {
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      ...(challenge === undefined ? {} : { 'WWW-Authenticate': challenge }),
    },
    body: JSON.stringify({ error, code }),
  };
}
