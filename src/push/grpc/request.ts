/** What a client asks for on a call. */
export type WatchRequest =
  | CreateRequest
  | { readonly kind: 'cancel'; readonly watchId: string }
  | { readonly kind: 'progress' }
  /** Of a kind that this version does not know: passed over, as etcd does. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** A request as it came. */
export interface ReceivedRequest {
  readonly request: WatchRequest;
  readonly bytes: number;
}

/** A watch to be made. Numbers of 64 bits are decimal text. */
export interface CreateRequest {
  readonly kind: 'create';
  readonly streams: readonly string[];
  /** `'0'`: not given. */
  readonly startRevision: string;
  /** Empty: not given. */
  readonly cursor: string;
  /** Empty: not given. */
  readonly run: string;
  /** `'0'`: the server chooses. */
  readonly watchId: string;
  readonly progressNotify: boolean;
}

/** Reads the bytes of a request, which come from anybody. Never throws: a bad request is one to be answered. */
export function readRequest(bytes: Buffer, maxBytes: number, decode: (bytes: Buffer) => unknown): ReceivedRequest {
  return { request: read(bytes, maxBytes, decode), bytes: bytes.length };
}

function read(bytes: Buffer, maxBytes: number, decode: (bytes: Buffer) => unknown): WatchRequest {
  if (bytes.length > maxBytes) {
    return { kind: 'malformed', reason: `a request has at most ${maxBytes} bytes` };
  }
  let message: unknown;
  try {
    message = decode(bytes);
  } catch {
    return { kind: 'malformed', reason: 'a request is no WatchRequest' };
  }
  const { createRequest, cancelRequest, progressRequest } = message as Partial<Record<string, object>>;
  if (createRequest !== undefined) return { kind: 'create', ...(createRequest as Omit<CreateRequest, 'kind'>) };
  if (cancelRequest !== undefined) return { kind: 'cancel', ...(cancelRequest as { watchId: string }) };
  return { kind: progressRequest === undefined ? 'unknown' : 'progress' };
}

/** Whether a value got from `readRequest` by way of gRPC is one. */
export function isReceivedRequest(value: unknown): value is ReceivedRequest {
  return typeof value === 'object' && value !== null && 'request' in value && 'bytes' in value;
}
