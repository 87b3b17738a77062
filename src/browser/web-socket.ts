/** What the browser build needs of a WebSocket: a part of the WHATWG interface, which the class of `ws` has too. */
export interface WebSocketLike {
  binaryType: string;
  /** The subprotocol that the server chose, or the empty string. */
  readonly protocol: string;
  /** Bytes given to `send` that have not been handed to the network. */
  readonly bufferedAmount: number;
  addEventListener(type: 'open' | 'message' | 'error' | 'close', listener: (event: object) => void): void;
  removeEventListener(type: 'open' | 'message' | 'error' | 'close', listener: (event: object) => void): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Makes a {@link WebSocketLike}. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** How a WebSocket ended, as its `close` event says. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
  /** Whether there was a closing handshake. */
  readonly wasClean: boolean;
}

/** What is passed on of a WebSocket's events. */
export interface WebSocketEvents {
  opened?(): void;
  message?(data: unknown): void;
  /** Says nothing of the cause. `closed` should follow, but does not where Node 22 cannot connect. */
  failed?(): void;
  closed(info: CloseInfo): void;
}

/** Listens to a WebSocket, until the returned function is called. */
export function listen(socket: WebSocketLike, events: WebSocketEvents): () => void {
  const onOpen = (): void => events.opened?.();
  const onMessage = (event: object): void => events.message?.((event as { readonly data: unknown }).data);
  const onClose = (event: object): void => events.closed(event as CloseInfo);
  socket.addEventListener('open', onOpen);
  socket.addEventListener('message', onMessage);
  socket.addEventListener('close', onClose);
  // For good: the class of `ws` throws errors that nobody listens to.
  let listening = true;
  socket.addEventListener('error', () => void (listening && events.failed?.()));
  return () => {
    listening = false;
    socket.removeEventListener('open', onOpen);
    socket.removeEventListener('message', onMessage);
    socket.removeEventListener('close', onClose);
  };
}
