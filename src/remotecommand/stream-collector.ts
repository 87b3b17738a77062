import type { IncomingStream, NewStreamHandler } from '../httpstream/index.js';
import { ProtocolError } from '../errors/index.js';
import { deferred } from './deferred.js';
import { STREAM_TYPE, STREAM_TYPES, carriesResize, type StreamType } from './protocol.js';
import type { RemoteCommandProtocol, RemoteCommandRequest } from './types.js';

/**
 * Gathers the streams that a client opens one by one, in any order. Types that were not asked for are accepted and
 * ignored, as in cri-streaming's `waitForStreams`; a second stream of a type is refused.
 */
export class StreamCollector {
  readonly #expected: ReadonlySet<StreamType>;
  readonly #streams = new Map<StreamType, IncomingStream>();
  #ready = 0;
  readonly #complete = deferred<void>();

  constructor(request: RemoteCommandRequest, protocol: RemoteCommandProtocol) {
    const wanted: Record<StreamType, boolean> = {
      ...request,
      error: true,
      resize: request.tty && carriesResize(protocol),
    };
    this.#expected = new Set(STREAM_TYPES.filter((type) => wanted[type]));
  }

  /** Resolves when all streams are there and their replies sent. Never rejects. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  get(type: StreamType): IncomingStream | undefined {
    return this.#streams.get(type);
  }

  readonly handle: NewStreamHandler = (stream, replySent) => {
    // One that nobody watches must not end the process.
    stream.on('error', () => {});
    replySent.catch(() => {});
    const type = this.#typeOf(stream);
    if (type === undefined) {
      stream.resume();
      stream.end();
      return;
    }
    if (this.#streams.has(type)) throw new ProtocolError(`second ${type} stream`, { initiator: 'remote' });
    this.#streams.set(type, stream);
    // SPDY has no flow control: what a client sends where nothing is read would hold up everything else.
    if (type !== 'stdin' && type !== 'resize') stream.resume();
    const arrived = (): void => {
      this.#ready++;
      if (this.#ready === this.#expected.size) this.#complete.resolve();
    };
    replySent.then(arrived, () => {});
  };

  #typeOf(stream: IncomingStream): StreamType | undefined {
    const name = stream.headers.get(STREAM_TYPE)?.toLowerCase();
    return [...this.#expected].find((type) => type === name);
  }
}
