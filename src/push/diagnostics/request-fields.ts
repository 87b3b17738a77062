import { redactHeaders, redactURL, type HeaderValues } from '../../logger/redact.js';

/** Of a request: what logs say of it. */
export interface LoggedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: HeaderValues;
  readonly socket?: { readonly remoteAddress?: string | undefined } | null;
}

/** What logs say of a request, without the secrets in its query and headers. */
export interface RequestFields {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly peer: string | undefined;
}

/** Describes a request for a log. Routers shorten `url`; where they left the whole one, that is taken. */
export function requestFields(req: LoggedRequest): RequestFields {
  const whole: unknown = 'originalUrl' in req ? req.originalUrl : req.url;
  return {
    method: req.method,
    url: redactURL(typeof whole === 'string' ? whole : ''),
    headers: redactHeaders(req.headers),
    peer: req.socket?.remoteAddress,
  };
}
