import { InvalidArgumentError } from '../../errors/index.js';
import { checkTargets, isPattern } from '../log/names.js';
import { BadRequestError } from './errors.js';
import { headerOf } from './headers.js';
import type { PushRequest } from './types.js';

/**
 * Which streams a request is about: always these, or what a function reads from the request. It may be declared for the
 * requests that the server has, such as those of Express.
 */
export type StreamOption =
  | string
  | readonly string[]
  // Methods may narrow their parameters.
  | { stream(req: PushRequest): string | readonly string[] | undefined }['stream'];

/** How {@link requestedStreams} reads a request. */
export interface RequestedStreamsOptions {
  /** Whether clients may put patterns (`orders.*`) into the query. What `stream` gives may always hold them. Default `false`. */
  readonly wildcards?: boolean | undefined;
}

/** The query of a request. Works behind routers, which shorten `url` at its front only. */
export function queryOf(req: PushRequest): URLSearchParams {
  const url = req.url ?? '';
  const mark = url.indexOf('?');
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
}

/**
 * The streams that a request names, checked: by default its query parameters `stream`, of which there may be several.
 *
 * @throws BadRequestError when none is named, or one that can be no stream. What the function of the option throws.
 */
export function requestedStreams(
  req: PushRequest,
  option?: StreamOption,
  options: RequestedStreamsOptions = {},
): readonly string[] {
  const given = typeof option === 'function' ? option(req) : option;
  if (option !== undefined) return checked(given ?? []);
  const names = queryOf(req).getAll('stream');
  if (names.length === 0)
    throw new BadRequestError('no stream is named: add the query parameter stream, as ?stream=NAME');
  if (options.wildcards !== true && names.some(isPattern)) {
    throw new BadRequestError('patterns are not allowed in the parameter stream (wildcards)');
  }
  return checked(names);
}

/** Checks the option, as far as that can be done before there is a request. @throws InvalidArgumentError */
export function checkStreamOption(option: StreamOption | undefined): void {
  if (option === undefined || typeof option === 'function') return;
  try {
    checkTargets(option);
  } catch (cause) {
    const why = cause instanceof InvalidArgumentError ? `: ${cause.message}` : '';
    throw new InvalidArgumentError(`stream must be a name, several, or a function${why}`, { cause });
  }
}

function checked(streams: string | readonly string[]): readonly string[] {
  if (streams.length === 0) throw new BadRequestError('no stream is named');
  try {
    return checkTargets(streams);
  } catch (cause) {
    throw new BadRequestError(cause instanceof InvalidArgumentError ? cause.message : 'the streams cannot be read', {
      cause,
    });
  }
}

/**
 * The cursor that a request resumes from: the header `Last-Event-ID`, or else the query parameter `cursor` or
 * `lastEventId`. The header comes first, for it is what a browser renews at each reconnect; it is UTF-8 on the wire, which
 * Node gives as Latin-1. Empty values count as none. What is in it is for the log to check.
 */
export function requestedCursor(req: PushRequest): string | undefined {
  const text = headerOf(req, 'last-event-id');
  if (text !== undefined && text !== '') return Buffer.from(text, 'latin1').toString('utf8');
  const query = queryOf(req);
  return query.get('cursor') || query.get('lastEventId') || undefined;
}
