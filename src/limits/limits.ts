import { InvalidArgumentError } from '../errors/index.js';

/** Bounds on what a peer can make this side do. All are enforced per connection unless said otherwise. */
export interface Limits {
  /** Streams that the peer may have open at once, counting those whose handler still runs. More are refused. Default 256. */
  readonly maxStreams: number;
  /** Streams whose reply is deferred. More are refused. Default 64. */
  readonly acceptBacklog: number;
  /** Received bytes that one stream holds unread before its policy acts; a piece counts as 256 at least. Default 262,144. */
  readonly streamBufferBytes: number;
  /**
   * Upper bound of `maxStreams` × `streamBufferBytes`; `resolveLimits` refuses settings beyond it. What finished streams
   * of the peer still hold unread counts too: more streams are refused until it is read or dropped. Default 67,108,864.
   */
  readonly receiveBudgetBytes: number;
  /**
   * What the window of one yamux stream may grow to, out of what is spare of `receiveBudgetBytes`, while its reader is
   * fast and the way long. Default 16,777,216.
   */
  readonly maxStreamWindowBytes: number;
  /** Largest payload of a data frame that this side sends. Default 65,536. */
  readonly maxDataFrameOut: number;
  /**
   * Largest payload of a data frame that is accepted: all that SPDY can express, because payloads are passed on piecewise
   * and never gathered, and moby/spdystream writes a caller's buffer as one frame whatever its size. Default 16,777,215.
   */
  readonly maxDataFrameIn: number;
  /** Largest control frame that is accepted, without its 8-byte header. Default 65,536. */
  readonly maxControlFrameBytes: number;
  /** Bytes that a header block may inflate to. Default 65,536. */
  readonly maxHeaderBytes: number;
  /** Name/value pairs in a header block. Default 128. */
  readonly maxHeaders: number;
  /** HEADERS frames that the peer may send on one stream after opening it. Default 16. */
  readonly maxHeaderFramesPerStream: number;
  /** Entries in a SETTINGS frame. Default 32. */
  readonly maxSettings: number;
  /** Control frames that the socket has not taken yet. At it reading stops until it took them. Default 256. */
  readonly maxPendingControlFrames: number;
  /** Bytes handed to the socket and not yet sent, past which streams wait. Default 1,048,576. */
  readonly outboundBytes: number;
  /** Resets of streams still being served, by either side: burst. Default 100. Past it the connection ends. */
  readonly resetBurst: number;
  /** The same, regained per second. Default 33. */
  readonly resetsPerSecond: number;
  /** Frames that carry nothing (empty data without FIN, SETTINGS, WINDOW_UPDATE, unknown streams): burst. Default 10,000. */
  readonly emptyFrameBurst: number;
  /** The same, regained per second. Default 1,000. */
  readonly emptyFramesPerSecond: number;
  /** Milliseconds for an upgrade: to receive the whole answer, or to send a refusal. Default 10,000. */
  readonly upgradeTimeout: number;
  /** Milliseconds that a control frame may take to arrive once begun. Default 10,000. */
  readonly frameTimeout: number;
  /** Milliseconds that outbound bytes may make no progress. 0 turns it off. Default 10,000. */
  readonly writeTimeout: number;
  /** Milliseconds until `createStream` gives up. Default 30,000. */
  readonly createTimeout: number;
  /** Milliseconds that `close()` waits while the peer neither takes bytes nor ends; then the socket is destroyed. Default 3,000. */
  readonly closeTimeout: number;
  /** Bytes kept of the body of a failed upgrade. Default 65,536. */
  readonly errorBodyBytes: number;
  /** Bytes of a WebSocket message. Default 1,048,576. */
  readonly maxMessageBytes: number;
  /** Fragments of a WebSocket message. Default 1,024. */
  readonly maxFragments: number;
}

/** The defaults of {@link Limits}. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxStreams: 256,
  acceptBacklog: 64,
  streamBufferBytes: 256 * 1024,
  receiveBudgetBytes: 64 * 1024 * 1024,
  maxStreamWindowBytes: 16 * 1024 * 1024,
  maxDataFrameOut: 64 * 1024,
  maxDataFrameIn: 2 ** 24 - 1,
  maxControlFrameBytes: 64 * 1024,
  maxHeaderBytes: 64 * 1024,
  maxHeaders: 128,
  maxHeaderFramesPerStream: 16,
  maxSettings: 32,
  maxPendingControlFrames: 256,
  outboundBytes: 1024 * 1024,
  resetBurst: 100,
  resetsPerSecond: 33,
  emptyFrameBurst: 10_000,
  emptyFramesPerSecond: 1_000,
  upgradeTimeout: 10_000,
  frameTimeout: 10_000,
  writeTimeout: 10_000,
  createTimeout: 30_000,
  closeTimeout: 3_000,
  errorBodyBytes: 64 * 1024,
  maxMessageBytes: 1024 * 1024,
  maxFragments: 1024,
});

const MAY_BE_ZERO: ReadonlySet<keyof Limits> = new Set([
  'acceptBacklog',
  'maxHeaderFramesPerStream',
  'resetBurst',
  'resetsPerSecond',
  'emptyFrameBurst',
  'emptyFramesPerSecond',
  'writeTimeout',
  'closeTimeout',
  'errorBodyBytes',
]);
const CEILINGS: Partial<Record<keyof Limits, number>> = {
  maxStreamWindowBytes: 2 ** 32 - 1,
  maxDataFrameOut: 2 ** 24 - 1,
  maxDataFrameIn: 2 ** 24 - 1,
  maxControlFrameBytes: 2 ** 24 - 1,
};

/**
 * Fills in defaults and checks the result.
 *
 * @throws InvalidArgumentError for an unknown name, a value that is no whole number in range, or streams whose buffers
 * together exceed `receiveBudgetBytes`.
 */
export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new InvalidArgumentError(`unknown limit: ${name}`);
    const key = name as keyof Limits;
    const least = MAY_BE_ZERO.has(key) ? 0 : 1;
    const most = CEILINGS[key] ?? Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(
        `limit ${name} must be a whole number from ${least} to ${most}, not ${String(value)}`,
      );
    }
  }
  const limits = { ...DEFAULT_LIMITS, ...overrides };
  if (limits.maxStreams * limits.streamBufferBytes > limits.receiveBudgetBytes) {
    throw new InvalidArgumentError(
      `maxStreams (${limits.maxStreams}) × streamBufferBytes (${limits.streamBufferBytes}) exceeds receiveBudgetBytes (${limits.receiveBudgetBytes})`,
    );
  }
  return Object.freeze(limits);
}
