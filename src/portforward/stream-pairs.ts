import type { Clock, Timer } from '../clock/clock.js';
import { InvalidArgumentError, TimeoutError } from '../errors/index.js';
import type { IncomingStream } from '../httpstream/index.js';
import { parsePort } from './ports.js';
import { PORT, REQUEST_ID, STREAM_TYPE } from './protocol.js';

/** The two streams of one forwarded connection. */
export interface StreamPair {
  readonly requestId: string;
  readonly port: number;
  readonly data: IncomingStream;
  readonly error: IncomingStream;
}

interface Half {
  data: IncomingStream | undefined;
  error: IncomingStream | undefined;
  readonly timer: Timer;
}

/** What a {@link StreamPairs} reports. */
export interface StreamPairEvents {
  /** Both streams are there. Called in the tick in which the second was opened, before it is answered. */
  complete(pair: StreamPair): void;
  /** Text for the error stream of a pair that will not come about. */
  failed(error: IncomingStream, message: string): void;
}

/**
 * Brings together the streams that a client opens for each connection, in either order.
 *
 * They are paired by `requestID`. Old clients send none; theirs are paired by id: the data stream is the one right after
 * the error stream, two ids on. (cri-streaming `portforward/httpstream.go`)
 */
export class StreamPairs {
  readonly #halves = new Map<string, Half>();
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #events: StreamPairEvents;

  /** @param timeout Milliseconds from one stream to the other. */
  constructor(clock: Clock, timeout: number, events: StreamPairEvents) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#events = events;
  }

  /** How many streams wait for their other half. */
  get size(): number {
    return this.#halves.size;
  }

  /**
   * Takes a stream in.
   *
   * @throws InvalidArgumentError for a stream without a valid port or type, and for a second one of a type.
   */
  add(stream: IncomingStream): void {
    const port = portOf(stream);
    const type = typeOf(stream);
    const requestId = requestIdOf(stream, type);
    const half = this.#halves.get(requestId) ?? this.#begin(requestId);
    if (half[type] !== undefined) {
      const message = `error processing stream for request ${requestId}: ${type} stream already assigned`;
      if (half.error !== undefined) this.#events.failed(half.error, message);
      throw new InvalidArgumentError(message, { initiator: 'remote' });
    }
    half[type] = stream;
    const { data, error } = half;
    if (data !== undefined && error !== undefined) {
      this.#forget(requestId);
      // The data stream's port counts, as in the original.
      this.#events.complete({ requestId, port: type === 'data' ? port : portOf(data), data, error });
    } else {
      stream.once('close', () => {
        if (this.#halves.get(requestId) === half) this.#forget(requestId);
      });
    }
  }

  /** Forgets everything; timers are stopped. */
  clear(): void {
    for (const requestId of this.#halves.keys()) this.#forget(requestId);
  }

  #begin(requestId: string): Half {
    const timer = this.#clock.setTimeout(() => this.#expire(requestId), this.#timeout);
    const half: Half = { data: undefined, error: undefined, timer };
    this.#halves.set(requestId, half);
    return half;
  }

  #expire(requestId: string): void {
    const half = this.#halves.get(requestId);
    if (half === undefined) return;
    this.#forget(requestId);
    const error = new TimeoutError(`request ${requestId}: timed out waiting for streams`, this.#timeout);
    half.data?.destroy(error);
    if (half.error !== undefined) this.#events.failed(half.error, error.message);
  }

  #forget(requestId: string): void {
    this.#halves.get(requestId)?.timer.cancel();
    this.#halves.delete(requestId);
  }
}

function portOf({ headers }: IncomingStream): number {
  const text = headers.get(PORT) ?? '';
  if (text === '') throw new InvalidArgumentError(`"${PORT}" header is required`, { initiator: 'remote' });
  const port = parsePort(text);
  if (port === undefined || port === 0) {
    throw new InvalidArgumentError(`unable to parse ${JSON.stringify(text)} as a port`, { initiator: 'remote' });
  }
  return port;
}

function typeOf({ headers }: IncomingStream): 'data' | 'error' {
  const type = headers.get(STREAM_TYPE) ?? '';
  if (type === 'data' || type === 'error') return type;
  const message = type === '' ? `"${STREAM_TYPE}" header is required` : `invalid stream type ${JSON.stringify(type)}`;
  throw new InvalidArgumentError(message, { initiator: 'remote' });
}

function requestIdOf({ headers, id }: IncomingStream, type: 'data' | 'error'): string {
  const given = headers.get(REQUEST_ID) ?? '';
  if (given !== '') return given;
  return String(type === 'error' ? id : id - 2);
}
