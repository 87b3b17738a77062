import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { isOrigin } from './cursor.js';
import { checkEventType, checkStreamName } from './names.js';
import type { FollowOptions, StartPosition } from './types.js';

/** What is said with an event besides its data. */
export interface PublishOptions<Type extends string = string> {
  /** Default `message`. `gap` is reserved. */
  readonly type?: Type | undefined;
  /**
   * Makes publishing again the same event: while an event of the stream with this key is in the history, that one is given
   * back and nothing is published. Up to 256 characters.
   */
  readonly key?: string | undefined;
}

/** What is said with a live event besides its data. */
export interface DeliverOptions<Type extends string = string> {
  /** Default `message`. `gap` is reserved. */
  readonly type?: Type | undefined;
}

/** Events that are held by nobody: those of `origin` with `after` < number <= `n`. */
export interface LostEvents {
  readonly origin: string;
  readonly after: number;
  readonly n: number;
  /** Theirs; `undefined` when nobody knows. */
  readonly stream: string | undefined;
  /** Milliseconds since that was noted. */
  readonly age: number;
}

/** An event of another origin, as `append` takes it. */
export interface RemoteEvent {
  readonly origin: string;
  readonly n: number;
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly key?: string | undefined;
  /** Milliseconds since it was published. */
  readonly age: number;
}

const PUBLISH_NAMES: OptionNames<PublishOptions> = { type: true, key: true };
const DELIVER_NAMES: OptionNames<DeliverOptions> = { type: true };
const FOLLOW_NAMES: OptionNames<FollowOptions<unknown>> = {
  streams: true,
  start: true,
  framer: true,
  transport: true,
  peer: true,
  whenOvertaken: true,
  onReady: true,
  onEnd: true,
};
const LONGEST_KEY = 256;

/** @throws InvalidArgumentError */
export function checkPublishOptions(options: PublishOptions): PublishOptions {
  checkOptionNames('publish', options, PUBLISH_NAMES);
  if (options.key !== undefined) checkKey(options.key);
  return options;
}

/** @throws InvalidArgumentError */
export function checkDeliverOptions(options: DeliverOptions): DeliverOptions {
  checkOptionNames('deliver', options, DELIVER_NAMES);
  return options;
}

/**
 * Checks what a peer has sent, its numbers and sizes included; the size of the data is looked at elsewhere.
 *
 * @param self Origin of this run. @throws InvalidArgumentError
 */
export function checkRemoteEvent(event: RemoteEvent, self: string): void {
  checkStreamName(event.stream);
  checkEventType(event.type);
  checkForeignOrigin(event.origin, self);
  checkNumber('n', event.n, 1);
  if (!(event.age >= 0)) throw new InvalidArgumentError('age must be milliseconds from 0');
  if (typeof event.data !== 'string') throw new InvalidArgumentError('the data of an event must be text');
  if (event.key !== undefined) checkKey(event.key);
}

/**
 * Checks what a peer says of events that are lost.
 *
 * @param self Origin of this run. @throws InvalidArgumentError
 */
export function checkLoss({ origin, after, n, stream, age }: LostEvents, self: string): void {
  if (stream !== undefined) checkStreamName(stream);
  checkForeignOrigin(origin, self);
  checkNumber('after', after, 0);
  checkNumber('n', n, after + 1);
  if (!(age >= 0)) throw new InvalidArgumentError('age must be milliseconds from 0');
}

/** Checks what does not depend on the state of the log; names and cursors are looked at elsewhere. @throws InvalidArgumentError */
export function checkFollowOptions<F>(options: FollowOptions<F>): void {
  checkOptionNames('follow', options, FOLLOW_NAMES);
  const { start, whenOvertaken, onReady } = options;
  if (start !== undefined) checkStart(start);
  if (whenOvertaken !== undefined && whenOvertaken !== 'gap' && whenOvertaken !== 'drop') {
    throw new InvalidArgumentError("whenOvertaken must be 'gap' or 'drop'");
  }
  if (typeof onReady !== 'function') throw new InvalidArgumentError('onReady must be a function');
}

/** @throws InvalidArgumentError for no id of an origin, or that of this run. */
export function checkForeignOrigin(origin: string, self: string): void {
  if (!isOrigin(origin)) throw new InvalidArgumentError('an origin must be 8 characters of letters and digits');
  if (origin === self) throw new InvalidArgumentError('this run publishes its own events');
}

/** @throws InvalidArgumentError */
export function checkNumber(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InvalidArgumentError(`${name} must be a whole number from ${least}`);
  }
}

function checkStart(start: StartPosition): void {
  if (start === 'now' || start === 'start') return;
  if (typeof start === 'object' && start !== null) {
    if ('cursor' in start) return;
    if ('index' in start) return checkNumber('an index', start.index, 0);
  }
  throw new InvalidArgumentError("start must be 'now', 'start', { cursor } or { index }");
}

function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) {
    throw new InvalidArgumentError(`a key must be text of 1 to ${LONGEST_KEY} characters`);
  }
}
