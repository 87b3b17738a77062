/** Gives memory of exactly this many bytes, which may hold anything. */
export type Allocate = (bytes: number) => Buffer;

/** How a channel message looks inside a WebSocket message. One object per family of subprotocols. */
export interface ChannelCodec {
  /** Whether messages travel in binary frames; base64 ones travel as text. */
  readonly binary: boolean;
  /** How many channels a message can tell apart. */
  readonly maxChannels: number;
  /** Length of the message for a payload of `length` bytes. */
  messageLength(length: number): number;
  /** Splits a message. `payload` may be a view of `message`; `undefined`: not decodable, to be skipped. */
  decode(message: Buffer): { readonly channel: number; readonly payload: Buffer } | undefined;
  /** Makes the message for `length` bytes, gathered from `pieces`, in memory of `allocate` (default: fresh). */
  encode(channel: number, pieces: readonly Uint8Array[], length: number, allocate?: Allocate): Buffer;
}

/** First byte of the v5 message that half-closes a channel; never the number of a channel. */
export const CLOSE_SIGNAL = 255;

/**
 * `channel.k8s.io` and its versions: one byte with the channel's number, then the payload as it is.
 *
 * Source: apimachinery `httpstream/wsstream/conn.go` (`rawCodec`).
 */
export const rawCodec: ChannelCodec = {
  binary: true,
  maxChannels: CLOSE_SIGNAL,
  messageLength: (length) => 1 + length,
  decode(message) {
    const channel = message[0];
    return channel === undefined ? undefined : { channel, payload: message.subarray(1) };
  },
  encode(channel, pieces, length, allocate = Buffer.allocUnsafe) {
    const message = allocate(1 + length);
    message[0] = channel;
    gather(message, pieces, 1);
    return message;
  },
};

/** Puts `pieces` into `target`, one behind the other. */
export function gather(target: Uint8Array, pieces: readonly Uint8Array[], start: number): void {
  let offset = start;
  for (const piece of pieces) {
    target.set(piece, offset);
    offset += piece.length;
  }
}
