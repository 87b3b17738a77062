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
  return matcher(targets)(stream);
}

/** Tells which streams are meant by the targets, for comparing many. */
export function matcher(targets: readonly string[]): (stream: string) => boolean {
  const names = new Set(targets);
  const patterns = targets.filter(isPattern).map((target) => {
    const parts = target.split('*');
    return { parts, least: target.length - parts.length + 1 };
  });
  return (stream) => {
    if (names.has(stream)) return true;
    for (const { parts, least } of patterns) if (stream.length >= least && glob(parts, stream)) return true;
    return false;
  };
}

/** Finds the parts between the stars one after the other, each as early as it can be: going back would find nothing more. */
function glob(parts: readonly string[], text: string): boolean {
  const [first = ''] = parts;
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let part = 1; part < parts.length - 1; part++) {
    const literal = parts[part] ?? '';
    const found = text.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return at <= end;
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
