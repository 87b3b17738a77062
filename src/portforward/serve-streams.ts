import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { LimitExceededError, StreamResetError, TimeoutError } from '../errors/index.js';
import type { Connection, NewStreamHandler } from '../httpstream/index.js';
import { dialPort, reasonOf, type PortDialer } from './dial-port.js';
import { ERROR_SCOPE, ERROR_SCOPE_CONNECTION } from './protocol.js';
import type { ForwardSettings } from './settings.js';
import { abort, splice, type SpliceFailure } from '../mux/splice.js';
import { StreamPairs, type StreamPair } from './stream-pairs.js';

/**
 * The server's end of port-forward over the streams of one connection: two for each connection that is forwarded.
 *
 * Source: cri-streaming `portforward/httpstream.go`.
 */
export class StreamSession {
  readonly #req: IncomingMessage;
  readonly #settings: ForwardSettings;
  readonly #pairs: StreamPairs;
  readonly #dialer: PortDialer;
  readonly #active = new Set<StreamPair>();
  /** Dials that the application is not done with, given up or not: clients that come and go must not pile them up. */
  #dialling = 0;

  constructor(req: IncomingMessage, settings: ForwardSettings) {
    this.#req = req;
    this.#settings = settings;
    const { clock, dial, dialTimeout } = settings;
    this.#dialer = {
      clock,
      dialTimeout,
      dial: (request) => {
        const dialled = dial(request);
        if (dialled instanceof Promise) this.#count(dialled);
        return dialled;
      },
    };
    this.#pairs = new StreamPairs(settings.clock, settings.creationTimeout, {
      complete: (pair) => this.#begin(pair),
      failed: (error, message) => finishError(error, message),
    });
  }

  readonly handle: NewStreamHandler = (stream, replySent) => {
    replySent.catch(() => {});
    this.#pairs.add(stream);
  };

  /** Takes charge of the connection that the streams come from. */
  attach(connection: Connection): void {
    const forget = this.#settings.onStop(() => void connection.close());
    void connection.closed.then(() => {
      forget();
      this.#pairs.clear();
    });
  }

  #count(dialled: Promise<unknown>): void {
    const settled = (): void => {
      this.#dialling--;
    };
    this.#dialling++;
    dialled.then(settled, settled);
  }

  #begin(pair: StreamPair): void {
    // Nothing is expected there but its end. Unread bytes would hold up everything else.
    pair.error.resume();
    // client-go shows a refused data stream and goes on; so the reply waits for the dial where that can be.
    if (this.#settings.errorText !== 'always') pair.data.deferReply();
    this.#active.add(pair);
    void this.#forward(pair).finally(() => this.#active.delete(pair));
  }

  async #forward(pair: StreamPair): Promise<void> {
    let pod: Duplex;
    try {
      pod = await this.#dial(pair);
    } catch (error) {
      if (pair.data.destroyed) finishError(pair.error);
      else this.#fail(pair, error);
      return;
    }
    pair.data.accept();
    const { clock, stallTimeout } = this.#settings;
    const failed = ({ side, error }: SpliceFailure): void => {
      if (side === 'right') this.#fail(pair, error);
      else if (isStall(error)) this.#fail(pair, stalled(error, stallTimeout));
    };
    await splice(pair.data, pod, { clock, failed });
    // A client that is gone, or has enough, is no failure.
    finishError(pair.error);
  }

  async #dial({ data, port }: StreamPair): Promise<Duplex> {
    const { maxConnections } = this.#settings;
    if (this.#active.size > maxConnections || this.#dialling >= maxConnections) {
      throw new LimitExceededError('maxConnections', `more than ${maxConnections} connections at once`);
    }
    this.#settings.checkPort(port);
    const gone = new AbortController();
    const onClose = (): void => gone.abort(data.errored ?? new Error('the client gave up'));
    data.once('close', onClose);
    if (data.destroyed) onClose();
    try {
      return await dialPort(this.#dialer, port, this.#req, gone.signal);
    } finally {
      data.off('close', onClose);
    }
  }

  /** Tells the client about a connection that failed, in the way that leaves the others alone. */
  #fail(pair: StreamPair, error: unknown): void {
    const tells = this.#settings.errorText === 'always' || survivesText(pair);
    finishError(pair.error, tells ? `error forwarding port ${pair.port}: ${reasonOf(error)}` : '');
    // Refuses a stream that has no reply yet.
    abort(pair.data);
    this.#settings.onError(error, { port: pair.port, request: this.#req });
  }
}

/** Whether the client takes text on the error stream as the end of one connection rather than of everything. */
function survivesText({ error }: StreamPair): boolean {
  return error.headers.get(ERROR_SCOPE) === ERROR_SCOPE_CONNECTION;
}

/** Whether a stream was reset because nobody read it for the time that the stall policy allows. */
function isStall(error: Error): boolean {
  return error instanceof StreamResetError && error.initiator === 'local' && error.reason === 'flow-control-error';
}

function stalled(cause: Error, milliseconds: number): TimeoutError {
  return new TimeoutError(`the pod read nothing for ${milliseconds} ms`, milliseconds, { cause });
}

function finishError(stream: StreamPair['error'], text = ''): void {
  if (stream.destroyed || stream.writableEnded) return;
  // Text first, in full; then nothing is left of the stream, whatever the client did with its side.
  if (text !== '') stream.write(text);
  stream.end(() => stream.reset());
}
