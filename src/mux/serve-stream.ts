import type { NewStreamHandler } from '../httpstream/index.js';
import type { ConnectionOptions } from './options.js';
import type { MuxStream } from './stream.js';

/**
 * Gives a new stream to the handler and applies its verdict; `handled` is called once the handler has finished, and
 * `failed` with what it threw.
 */
export function serveStream(
  stream: MuxStream,
  handler: NewStreamHandler,
  handled: () => void,
  failed: ConnectionOptions['onHandlerError'],
): void {
  let serving: void | Promise<void>;
  try {
    serving = handler(stream, stream.accepted);
  } catch (error) {
    // As the original answers a handler's error: a reset, without the reason.
    stream.reset(stream.replyState === 'pending' ? 'cancel' : 'internal-error');
    handled();
    report(failed, error, stream);
    return;
  }
  if (!stream.deferred) stream.accept();
  if (serving === undefined) {
    handled();
    return;
  }
  Promise.resolve(serving).then(handled, (error: unknown) => {
    handled();
    stream.reset(stream.replyState === 'pending' ? 'cancel' : 'internal-error');
    report(failed, error, stream);
  });
}

function report(failed: ConnectionOptions['onHandlerError'], error: unknown, stream: MuxStream): void {
  try {
    failed?.(error, stream);
  } catch {
    // A failing observer must not take the connection down with it.
  }
}
