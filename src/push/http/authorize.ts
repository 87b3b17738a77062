import type { OutgoingHttpHeaders } from 'node:http';
import { InvalidArgumentError } from '../../errors/index.js';
import type { PushRequest } from './types.js';

/** How a request is refused. */
export interface Refusal {
  /** 200 to 599. */
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Default: JSON that names the status. */
  readonly body?: string;
}

/** A request that may be served. */
export interface Admission {
  /** Who it is, for the list of subscribers. */
  readonly peer: string;
}

/** `true` or an admission lets a request pass; `false` is a 403. */
export type AuthorizeResult = boolean | Refusal | Admission;

/**
 * Decides whether a request may follow these streams. It runs before anything is read from the log, buffered or compressed.
 * When it throws or rejects, or gives anything else than it should, the answer is 500.
 *
 * It may be declared for the requests that the server has, such as those of Express: what a router hands on is what it gets.
 *
 * @param streams Names and, where they are allowed, patterns.
 */
export type Authorize = {
  // Methods may narrow their parameters.
  authorize(req: PushRequest, streams: readonly string[]): AuthorizeResult | Promise<AuthorizeResult>;
}['authorize'];

/** Asks the hook. Everything that is not clearly a yes refuses or throws. */
export async function askAuthorize(
  hook: Authorize,
  req: PushRequest,
  streams: readonly string[],
): Promise<Refusal | Partial<Admission>> {
  return verdictOf(await hook(req, streams));
}

/** What a hook gave. @throws InvalidArgumentError for anything else than it should give. */
export function verdictOf(result: unknown): Refusal | Partial<Admission> {
  if (result === true) return {};
  if (result === false) return { status: 403 };
  if (isRefusal(result)) return result;
  if (isAdmission(result)) return result;
  throw new InvalidArgumentError(
    'authorize must give true, false, a refusal with a status or an admission with a peer',
  );
}

/** Tells the two answers of {@link askAuthorize} apart. */
export function isRefusal(result: unknown): result is Refusal {
  if (typeof result !== 'object' || result === null || !('status' in result)) return false;
  const { status } = result;
  if (Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599) return true;
  throw new InvalidArgumentError(`authorize gave the status ${String(status)}`);
}

function isAdmission(result: unknown): result is Admission {
  return typeof result === 'object' && result !== null && 'peer' in result && typeof result.peer === 'string';
}
