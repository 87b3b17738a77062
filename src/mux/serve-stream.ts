import type { NewStreamHandler } from '../httpstream/index.js';
import type { MuxStream } from './stream.js';

/** Gives a new stream to the handler and applies its verdict; `handled` is called once the handler has finished. */
export function serveStream(stream: MuxStream, handler: NewStreamHandler, handled: () => void): void {
  let serving: void | Promise<void>;
  try {
    serving = handler(stream, stream.accepted);
  } catch {
    // As the original answers a handler's error: a reset, without the reason.
    stream.reset(stream.replyState === 'pending' ? 'cancel' : 'internal-error');
    handled();
    return;
  }
  if (!stream.deferred) stream.accept();
  if (serving === undefined) {
    handled();
    return;
  }
  Promise.resolve(serving).then(handled, () => {
    handled();
    stream.reset(stream.replyState === 'pending' ? 'cancel' : 'internal-error');
  });
}
