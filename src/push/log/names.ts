import { InvalidArgumentError } from '../../errors/index.js';

/** Characters of a stream's name, an event's type or a pattern. */
const LONGEST_NAME = 256;
const MAX_STARS = 8;
/** Names that one follower may ask for. */
const MAX_TARGETS = 64;
// Names end up in JSON, headers, paths and logs; what breaks lines has no place in them.
const CONTROL = /\p{Cc}/u;
/** Half of a surrogate pair without the other. */
const LONE = /\p{Surrogate}/u;
const ALL_LONE = /\p{Surrogate}/gu;

/**
 * Checks the name of a stream: 1 to 256 characters, well-formed Unicode, no control characters and no `*`.
 *
 * @throws InvalidArgumentError
 */
export function checkStreamName(name: string): string {
  checkName('the name of a stream', name);
  if (name.includes('*')) throw new InvalidArgumentError('the name of a stream must not contain *');
  return name;
}

/** Checks an event's type: 1 to 256 characters without control characters. @throws InvalidArgumentError */
export function checkEventType(type: string): string {
  checkName('the type of an event', type);
  if (type === 'gap')
    throw new InvalidArgumentError('events of type gap tell of missing events and cannot be published');
  return type;
}

/**
 * Checks names and patterns and puts them into one order, without repeats. In a pattern each `*` stands for any
 * characters, none included.
 *
 * @throws InvalidArgumentError for none, more than 64, or one that is too long or has more than 8 stars.
 */
export function checkTargets(streams: string | readonly string[]): readonly string[] {
  if (typeof streams !== 'string' && !Array.isArray(streams)) {
    throw new InvalidArgumentError('streams must be a name or a list of names');
  }
  const names = typeof streams === 'string' ? new Set([streams]) : new Set<string>(streams);
  if (names.size === 0) throw new InvalidArgumentError('no stream is named');
  if (names.size > MAX_TARGETS) throw new InvalidArgumentError(`more than ${MAX_TARGETS} streams are named`);
  const targets = [...names];
  for (const target of targets) {
    checkName('the name of a stream', target);
    if (target.split('*').length - 1 > MAX_STARS) {
      throw new InvalidArgumentError(`a pattern must not have more than ${MAX_STARS} stars`);
    }
  }
  return targets.length > 1 ? targets.toSorted() : targets;
}

/** Whether a name or pattern of `checkTargets` is a pattern. */
export function isPattern(target: string): boolean {
  return target.includes('*');
}

/** Whether one of the targets means the stream. */
export function matches(targets: readonly string[], stream: string): boolean {
  return targets.some((target) => (isPattern(target) ? glob(target, stream) : target === stream));
}

/** Goes back to the last star only, so that the work is at most the product of both lengths. */
function glob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function checkName(what: string, name: string): void {
  if (typeof name !== 'string' || name === '') throw new InvalidArgumentError(`${what} must be text that is not empty`);
  if (name.length > LONGEST_NAME) {
    throw new InvalidArgumentError(`${what} must not be longer than ${LONGEST_NAME} characters`);
  }
  if (CONTROL.test(name)) throw new InvalidArgumentError(`${what} must not contain control characters`);
  if (LONE.test(name)) throw new InvalidArgumentError(`${what} must be well-formed Unicode`);
}

/** Text as it will be once it was UTF-8: half surrogate pairs become U+FFFD, so that all transports give the same. */
export function wellFormed(text: string): string {
  return LONE.test(text) ? text.replaceAll(ALL_LONE, '\uFFFD') : text;
}
