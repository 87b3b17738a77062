/** Gives memory of exactly this many bytes, which may hold anything. */
export type Allocate = (bytes: number) => Buffer;

/** How a channel message looks inside a WebSocket message. One object per family of subprotocols. */
export interface ChannelCodec {
  /** Whether messages travel in binary frames; base64 ones travel as text. */
  readonly binary: boolean;
  /** Bytes that a message has besides its payload, for payloads of any length: what a sender must budget for. */
  readonly overhead: number;
  /** Splits a message. `payload` is a view of `message`; `undefined`: not decodable, to be skipped. */
  decode(message: Buffer): { readonly channel: number; readonly payload: Buffer } | undefined;
  /** Makes the message for `length` bytes, gathered from `pieces`, in memory of `allocate` (default: fresh). */
  encode(channel: number, pieces: readonly Uint8Array[], length: number, allocate?: Allocate): Buffer;
}

/**
 * `channel.k8s.io` and its versions: one byte with the channel's number, then the payload as it is.
 *
 * Source: apimachinery `httpstream/wsstream/conn.go` (`rawCodec`).
 */
export const rawCodec: ChannelCodec = {
  binary: true,
  overhead: 1,
  decode(message) {
    const channel = message[0];
    return channel === undefined ? undefined : { channel, payload: message.subarray(1) };
  },
  encode(channel, pieces, length, allocate = Buffer.allocUnsafe) {
    const message = allocate(1 + length);
    message[0] = channel;
    let offset = 1;
    for (const piece of pieces) {
      message.set(piece, offset);
      offset += piece.length;
    }
    return message;
  },
};
