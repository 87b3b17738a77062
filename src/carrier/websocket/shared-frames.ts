import * as library from 'ws';

/** What is used of `Sender.frame`: documented in `ws` as public, missing in its types. */
type FrameFunction = (
  data: Buffer,
  options: {
    readonly fin: boolean;
    readonly opcode: number;
    readonly mask: false;
    readonly readOnly: true;
    readonly rsv1: false;
  },
) => readonly Buffer[];

/** RFC 6455, 5.2. */
const OPCODE = { continuation: 0, text: 1 } as const;

let known: FrameFunction | undefined;

function frameFunction(): FrameFunction {
  const sender: unknown = Reflect.get(library, 'Sender');
  const frame: unknown = typeof sender === 'function' ? Reflect.get(sender, 'frame') : undefined;
  if (typeof frame !== 'function') throw new TypeError('this version of ws has no Sender.frame');
  return frame as FrameFunction;
}

/** A frame as servers send it. Nothing in it depends on the connection, so that it can be sent on all of them. */
function serverFrame(opcode: number, payload: string, fin: boolean): Buffer {
  known ??= frameFunction();
  return Buffer.concat(known(Buffer.from(payload), { fin, opcode, mask: false, readOnly: true, rsv1: false }));
}

/** A whole text message. */
export function textFrame(text: string): Buffer {
  return serverFrame(OPCODE.text, text, true);
}

/**
 * The beginning of a text message, to be followed by {@link lastFragment}: what differs between connections goes into the
 * first, what they share into the second. Cut between characters.
 */
export function firstFragment(text: string): Buffer {
  return serverFrame(OPCODE.text, text, false);
}

/** The rest of a text message. */
export function lastFragment(text: string): Buffer {
  return serverFrame(OPCODE.continuation, text, true);
}

/** A ping without payload. */
export const PING_FRAME: Buffer = Buffer.of(0x89, 0);
