import { parseArgs } from 'node:util';

/** What runs over the wire: see the usage text of `bench/go/main.go`, whose command line this one shares. */
export type CaseKind = 'bulk' | 'small' | 'pingpong' | 'openclose';

const KINDS: readonly string[] = ['bulk', 'small', 'pingpong', 'openclose'] satisfies CaseKind[];

/** Settings of one peer process. */
export interface PeerOptions {
  readonly wire: string;
  readonly role: 'server' | 'client';
  readonly kind: CaseKind;
  readonly streams: number;
  /** Bytes of one write. */
  readonly size: number;
  /** Where the client connects to; the server takes any free port of the loopback address. */
  readonly address: { readonly host: string; readonly port: number };
  /** Whether this end sends in bulk and small. */
  readonly sends: boolean;
  /** Milliseconds before the window. */
  readonly warmup: number;
  /** Milliseconds that are measured. */
  readonly window: number;
  /** Of raw sockets; `undefined` for Node's default. */
  readonly highWaterMark: number | undefined;
  /** Bytes of each stream's window where the wire lets one choose; `undefined` for its default. */
  readonly streamWindow: number | undefined;
  /** Whether raw sockets are corked for each turn of the event loop. */
  readonly cork: boolean;
  /** Whether raw sockets send small segments at once. */
  readonly noDelay: boolean;
}

/** Reads a peer's command line: `<wire> <server|client> --case … --streams N --size N --addr A …`. */
export function parsePeerOptions(args: readonly string[]): PeerOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      case: { type: 'string', default: 'bulk' },
      streams: { type: 'string', default: '1' },
      size: { type: 'string', default: '65536' },
      addr: { type: 'string', default: '127.0.0.1:0' },
      send: { type: 'string', default: 'client' },
      warmup: { type: 'string', default: '400' },
      window: { type: 'string', default: '800' },
      'high-water-mark': { type: 'string' },
      'stream-window': { type: 'string' },
      cork: { type: 'boolean', default: false },
      'no-delay': { type: 'boolean', default: false },
    },
  });
  const [wire = '', role] = positionals;
  if (role !== 'server' && role !== 'client') throw new Error('the role must be server or client');
  const kind = values.case;
  if (!isKind(kind)) throw new Error(`unknown case: ${kind}`);
  const colon = values.addr.lastIndexOf(':');
  return {
    wire,
    role,
    kind,
    streams: wholeNumber('streams', values.streams),
    size: wholeNumber('size', values.size),
    address: { host: values.addr.slice(0, colon), port: Number(values.addr.slice(colon + 1)) },
    sends: values.send === role,
    warmup: wholeNumber('warmup', values.warmup),
    window: wholeNumber('window', values.window),
    highWaterMark: optional('high-water-mark', values['high-water-mark']),
    streamWindow: optional('stream-window', values['stream-window']),
    cork: values.cork,
    noDelay: values['no-delay'],
  };
}

function isKind(kind: string): kind is CaseKind {
  return KINDS.includes(kind);
}

function optional(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(name, text);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} must be a whole number, not ${text}`);
  return value;
}
