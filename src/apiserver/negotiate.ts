import type { IncomingMessage } from 'node:http';
import { statusError } from './status-error.js';

/** In which form the client wants an answer: the objects, or a table of them for people (`meta.k8s.io`, this version). */
export type Representation = { readonly as: 'object' } | { readonly as: 'Table'; readonly version: 'v1' | 'v1beta1' };

const OBJECT: Representation = { as: 'object' };

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/**
 * Picks the first acceptable form of the Accept header, best quality first. Only JSON is served.
 *
 * @throws StatusError (406) when the client accepts nothing of it.
 */
export function negotiate(req: IncomingMessage): Representation {
  const accept = (req.headersDistinct.accept ?? []).join(',');
  if (accept.trim() === '') return OBJECT;
  const ranges = accept
    .split(',')
    .map(parseRange)
    .filter(({ quality }) => quality > 0)
    .toSorted((left, right) => right.quality - left.quality);
  for (const range of ranges) {
    const found = offer(range);
    if (found !== undefined) return found;
  }
  throw statusError(406, 'only the following media types are accepted: application/json');
}

function offer({ type, parameters }: MediaRange): Representation | undefined {
  if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') return undefined;
  const as = parameters.get('as');
  if (as === undefined) return OBJECT;
  const version = parameters.get('v');
  if (as !== 'Table' || parameters.get('g') !== 'meta.k8s.io') return undefined;
  return version === 'v1' || version === 'v1beta1' ? { as, version } : undefined;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  const quality = Number(parameters.get('q') ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0 };
}
