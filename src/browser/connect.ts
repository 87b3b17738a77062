import { systemClock } from '../clock/clock.js';
import { InvalidArgumentError, TimeoutError } from '../errors/index.js';
import { UpgradeFailureError } from '../httpstream/upgrade-failure.js';
import { resolveLimits } from '../limits/limits.js';
import { WebSocketConnection } from './connection.js';
import { checkOptions, YAMUX_HEADERS_SUBPROTOCOL, YAMUX_SUBPROTOCOL, type ConnectWebSocketOptions } from './options.js';
import type { BrowserConnection } from './types.js';
import { listen, type WebSocketConstructor, type WebSocketLike } from './web-socket.js';

/**
 * Opens a WebSocket and speaks yamux in it.
 *
 * @param url `ws:`, `wss:`, `http:` or `https:`, which mean the same; in a page or a worker, relative to it too.
 * @throws UpgradeFailureError when the WebSocket could not be opened (browsers hide why), or the server chose no
 * subprotocol of ours; TimeoutError after `limits.upgradeTimeout`; the abort reason; InvalidArgumentError.
 */
export async function connectWebSocket(
  url: string | URL,
  options: ConnectWebSocketOptions = {},
): Promise<BrowserConnection> {
  checkOptions(options);
  const { signal, protocols = [YAMUX_HEADERS_SUBPROTOCOL] } = options;
  signal?.throwIfAborted();
  const address = resolveUrl(url);
  const socket = create(address, protocols, options.webSocket);
  socket.binaryType = 'arraybuffer';
  const { upgradeTimeout } = resolveLimits(options.limits);
  const clock = options.clock ?? systemClock;
  return await new Promise<BrowserConnection>((resolve, reject) => {
    const giveUp = (error: unknown): void => {
      settle();
      socket.close();
      reject(error);
    };
    const unlisten = listen(socket, {
      // In the event itself, so that no message comes before there is somebody to listen.
      opened: () => {
        if (!carriesStreams(socket.protocol)) return giveUp(wrongSubprotocol(socket.protocol));
        settle();
        resolve(new WebSocketConnection(socket, options));
      },
      failed: () => giveUp(unopened(address)),
      closed: () => giveUp(unopened(address)),
    });
    const timer = clock.setTimeout(
      () => giveUp(new TimeoutError(`the WebSocket did not open in ${upgradeTimeout} ms`, upgradeTimeout)),
      upgradeTimeout,
    );
    const aborted = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    const settle = (): void => {
      unlisten();
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
    };
  });
}

function carriesStreams(subprotocol: string): boolean {
  return subprotocol === YAMUX_HEADERS_SUBPROTOCOL || subprotocol === YAMUX_SUBPROTOCOL;
}

function wrongSubprotocol(subprotocol: string): UpgradeFailureError {
  const chosen = subprotocol === '' ? 'no subprotocol' : `the subprotocol ${subprotocol}`;
  return new UpgradeFailureError(`the server chose ${chosen}, which carries no streams`);
}

const SCHEMES: ReadonlySet<string> = new Set(['ws:', 'wss:']);

/** Makes a WebSocket address of what a page may write; not all browsers do. */
function resolveUrl(url: string | URL): URL {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  try {
    const address = new URL(url, location?.href);
    address.protocol = address.protocol.replace(/^http/, 'ws');
    address.hash = '';
    if (SCHEMES.has(address.protocol)) return address;
  } catch {
    // Said below.
  }
  // Without what was given, and so without the cause: it may hold a token.
  throw new InvalidArgumentError(
    `the address of the WebSocket cannot be read; it is to look like wss://host/path${location === undefined ? '' : ' or /path'}`,
  );
}

function create(address: URL, protocols: readonly string[], given: WebSocketConstructor | undefined): WebSocketLike {
  const constructor = given ?? (globalThis as { readonly WebSocket?: WebSocketConstructor }).WebSocket;
  if (constructor === undefined)
    throw new InvalidArgumentError(
      'there is no global WebSocket (Node has one from version 22 on): give a class, that of ws for example, as the option webSocket',
    );
  try {
    return new constructor(address.href, [...protocols]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`the WebSocket could not be made: ${message}`, { cause: error });
  }
}

/** The address without its query, which may hold a token, while errors end up in logs. */
function unopened({ protocol, host, pathname }: URL): UpgradeFailureError {
  return new UpgradeFailureError(`the WebSocket to ${protocol}//${host}${pathname} could not be opened`);
}
