import type { ConnectWebSocketOptions } from './options.js';
import type { PairStream } from './stream.js';
import type { BrowserStreamHandler } from './types.js';

/**
 * Gives a new stream to the handler and applies its verdict; `handled` is called once the handler has finished, and
 * `failed` with what it threw.
 */
export function serveStream(
  stream: PairStream,
  handler: BrowserStreamHandler,
  handled: () => void,
  failed: ConnectWebSocketOptions['onHandlerError'],
): void {
  const refuse = (error: unknown): void => {
    // The peer is not told why.
    stream.reset(stream.replyState === 'pending' ? 'cancel' : 'internal-error');
    handled();
    try {
      failed?.(error, stream);
    } catch {
      // A failing observer must not take the connection down with it.
    }
  };
  let serving: void | Promise<void>;
  try {
    serving = handler(stream, stream.accepted);
  } catch (error) {
    refuse(error);
    return;
  }
  if (!stream.deferred) stream.accept();
  if (serving === undefined) handled();
  else Promise.resolve(serving).then(handled, refuse);
}
