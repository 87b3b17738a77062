/** Channels of `v5.channel.k8s.io`: the first byte of each message. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
export const STATUS = 3;
export const RESIZE = 4;

/** The protocol of exec over a WebSocket. */
export const EXEC_PROTOCOL = 'v5.channel.k8s.io';

const encoder = new TextEncoder();

/** A message on a channel. */
export function channelMessage(channel: number, data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  const message = new Uint8Array(bytes.length + 1);
  message[0] = channel;
  message.set(bytes, 1);
  return message;
}

/** The size of a terminal, for the channel of sizes. */
export function sizeMessage(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  return channelMessage(RESIZE, JSON.stringify({ Width: columns, Height: rows }));
}

/** How a command ended, in words, from the Status that comes last. */
export function describeStatus(text: string): string {
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof status !== 'object' || status === null) return text;
  const { status: outcome, message, details } = status as Readonly<Record<string, unknown>>;
  if (outcome === 'Success') return 'The command ended.';
  const causes = typeof details === 'object' && details !== null && 'causes' in details ? details.causes : undefined;
  const code = (Array.isArray(causes) ? causes : []).find((cause: unknown) => hasReason(cause, 'ExitCode'));
  if (code !== undefined) return `The command ended with exit code ${String((code as { message?: unknown }).message)}.`;
  return typeof message === 'string' ? message : text;
}

function hasReason(cause: unknown, reason: string): boolean {
  return typeof cause === 'object' && cause !== null && 'reason' in cause && cause.reason === reason;
}
