/** Version in every frame head (yamux specification, "Framing"). */
export const VERSION = 0;
/** Length of a frame head: version 1, type 1, flags 2, stream id 4, length 4. */
export const FRAME_HEAD_BYTES = 12;

/** Frame types. */
export const DATA = 0;
export const WINDOW_UPDATE = 1;
export const PING = 2;
export const GO_AWAY = 3;

/** Flags, on any data or window update frame; of a ping, SYN asks and ACK answers. */
export const SYN = 1;
export const ACK = 2;
export const FIN = 4;
export const RST = 8;

/** Codes of a go away frame. */
export const GO_AWAY_NORMAL = 0;
export const GO_AWAY_PROTOCOL_ERROR = 1;
export const GO_AWAY_INTERNAL_ERROR = 2;

/** What either side may send on a new stream before it hears more: fixed by the specification. */
export const INITIAL_WINDOW: number = 256 * 1024;
/** Windows and ids are unsigned 32-bit numbers. */
export const MAX_WINDOW: number = 2 ** 32 - 1;
export const MAX_STREAM_ID: number = 2 ** 32 - 1;
