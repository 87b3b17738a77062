import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';

/** A server answered, but not with an event stream; it is not asked again. */
export class EventStreamRefusedError extends TrunklineError {
  static override readonly name: string = 'EventStreamRefusedError';
  readonly code = 'ERR_EVENT_STREAM_REFUSED';
  /** HTTP status of the answer. */
  readonly statusCode: number;
  /** Its `Content-Type`; empty when there was none. */
  readonly contentType: string;
  /** What the server said why, where its answer was a text or JSON; otherwise empty. */
  readonly reason: string;

  constructor(statusCode: number, contentType: string, reason = '', options: TrunklineErrorOptions = {}) {
    const what = statusCode === 200 ? `Content-Type ${JSON.stringify(contentType)}` : `status ${statusCode}`;
    const why = reason === '' ? what : `${what}, ${JSON.stringify(reason)}`;
    super(`the server refused the event stream: ${why}`, { initiator: 'remote', ...options });
    this.reason = reason;
    this.statusCode = statusCode;
    this.contentType = contentType;
  }
}
