// yamux frames written and read without the code under test (hashicorp/yamux spec.md).

export const DATA = 0;
export const WINDOW_UPDATE = 1;
export const PING = 2;
export const GO_AWAY = 3;
export const SYN = 1;
export const ACK = 2;
export const FIN = 4;
export const RST = 8;

/** What a stream may send before any window update. */
export const INITIAL_WINDOW: number = 256 * 1024;

/** A head of twelve bytes; nothing is checked. */
export function head(type: number, flags: number, id: number, length: number, version = 0): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = version;
  bytes[1] = type;
  bytes.writeUInt16BE(flags, 2);
  bytes.writeUInt32BE(id >>> 0, 4);
  bytes.writeUInt32BE(length >>> 0, 8);
  return bytes;
}

export function data(id: number, payload: string | Buffer = '', flags = 0): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([head(DATA, flags, id, bytes.length), bytes]);
}

export function windowUpdate(id: number, delta: number, flags = 0): Buffer {
  return head(WINDOW_UPDATE, flags, id, delta);
}

export function syn(id: number, delta = 0): Buffer {
  return windowUpdate(id, delta, SYN);
}

export function rst(id: number): Buffer {
  return windowUpdate(id, 0, RST);
}

export function fin(id: number): Buffer {
  return windowUpdate(id, 0, FIN);
}

export function ping(value: number, flags: number = SYN): Buffer {
  return head(PING, flags, 0, value);
}

export function goAway(code: number): Buffer {
  return head(GO_AWAY, 0, 0, code);
}

/** A frame as it came out of the code under test. */
export interface YamuxFrame {
  readonly version: number;
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly length: number;
  /** The bytes of a data frame. */
  readonly payload: Buffer;
}

/** Cuts bytes into whole frames; throws when the last is incomplete. */
export function parseFrames(bytes: Buffer): YamuxFrame[] {
  const frames: YamuxFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 12 > bytes.length) throw new Error(`head at ${at} is cut`);
    const type = bytes[at + 1] ?? 0;
    const length = bytes.readUInt32BE(at + 8);
    const end = at + 12 + (type === DATA ? length : 0);
    const payload = bytes.subarray(at + 12, end);
    if (end > bytes.length) throw new Error(`frame at ${at} wants ${length} bytes, there are ${payload.length}`);
    frames.push({
      version: bytes[at] ?? 0,
      type,
      flags: bytes.readUInt16BE(at + 2),
      id: bytes.readUInt32BE(at + 4),
      length,
      payload,
    });
    at = end;
  }
  return frames;
}

const TYPES = ['DATA', 'WINDOW', 'PING', 'GOAWAY'];
const FLAGS = ['syn', 'ack', 'fin', 'rst'];

/** Frames as text, one line each: `DATA 1 syn+fin "abc"`, `WINDOW 1 ack 0`, `PING ack 7`, `GOAWAY 1`. */
export function describeFrames(bytes: Buffer): string[] {
  return parseFrames(bytes).map(({ version, type, flags, id, length, payload }) => {
    const names = FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0);
    const odd = flags > 15 ? [`flags-0x${flags.toString(16)}`] : [];
    const parts = [
      ...(version === 0 ? [] : [`version-${version}`]),
      TYPES[type] ?? `type-${type}`,
      ...(id === 0 && type >= PING ? [] : [String(id)]),
      [...names, ...odd].join('+'),
      type === DATA ? JSON.stringify(payload.toString('latin1')) : String(length),
    ];
    return parts.filter((part) => part !== '').join(' ');
  });
}
