import type { GapReason, MissingRange } from '../log/types.js';

/** The subprotocol: JSON in text messages. */
export const PUSH_PROTOCOL = 'push.trunkline.dev.v1';

/** Asks for events. */
export interface SubscribeMessage {
  readonly type: 'subscribe';
  readonly id?: string | undefined;
  readonly streams: readonly string[];
  readonly cursor?: string | undefined;
  /** Items that may be sent before more are granted; `undefined` leaves it to the socket. */
  readonly credit?: number | undefined;
}

/** What a client may send. */
export type ClientMessage =
  | SubscribeMessage
  | { readonly type: 'unsubscribe'; readonly id?: string | undefined }
  | { readonly type: 'credit'; readonly id?: string | undefined; readonly items: number };

/** What a server sends. */
export type ServerMessage =
  /** The answer to `subscribe`; the cursor is the position to resume from until an event brings another. */
  | {
      readonly id?: string | undefined;
      readonly type: 'subscribed';
      readonly streams: readonly string[];
      readonly cursor: string;
    }
  /** The end of a subscription: the client asked for it, or was overtaken by the history. */
  | {
      readonly id?: string | undefined;
      readonly type: 'unsubscribed';
      readonly reason: 'left' | 'overtaken';
      readonly cursor: string;
    }
  | {
      readonly id?: string | undefined;
      readonly type: 'event';
      readonly stream: string;
      readonly event: string;
      readonly data: string;
      readonly cursor: string;
      /** The event is outside what cursors promise, and the cursor where the client is with it or without. */
      readonly live?: true | undefined;
    }
  /** Events are missing; the subscription goes on behind them. */
  | {
      readonly id?: string | undefined;
      readonly type: 'gap';
      readonly reason: GapReason;
      readonly streams: readonly string[];
      readonly missing: readonly MissingRange[];
      readonly cursor: string;
    }
  /** A message of the client was refused. With the codes ERR_BAD_MESSAGE and ERR_TOO_MANY_MESSAGES a close follows. */
  | {
      readonly id?: string | undefined;
      readonly type: 'error';
      readonly code: `ERR_${string}`;
      readonly message: string;
    };

/** Most characters of a subscription's id. */
export const LONGEST_ID = 64;

/** A client's message, or what is wrong with it. Members that are not known, or null, are passed over. */
export function readClientMessage(text: string): ClientMessage | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'a message must be JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'a message must be a JSON object' };
  }
  const present = Object.entries(value).filter(([, member]) => member !== null);
  const {
    type,
    id,
    stream,
    streams = stream,
    cursor,
    credit,
    items,
  }: Readonly<Record<string, unknown>> = Object.fromEntries(present);
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > LONGEST_ID)) {
    return { problem: `id must be text of 1 to ${LONGEST_ID} characters` };
  }
  if (type === 'unsubscribe') return { type, id };
  if (type === 'credit')
    return isCount(items, 1) ? { type, id, items } : { problem: 'items must be a whole number above 0' };
  if (type !== 'subscribe') return { problem: 'type must be subscribe, unsubscribe or credit' };
  const names = typeof streams === 'string' ? [streams] : streams;
  if (!isTexts(names)) return { problem: 'streams must be text, or a list of texts' };
  if (cursor !== undefined && typeof cursor !== 'string') return { problem: 'cursor must be text' };
  if (credit !== undefined && !isCount(credit, 0)) return { problem: 'credit must be a whole number from 0' };
  return { type, id, streams: names, cursor: cursor === '' ? undefined : cursor, credit };
}

/** Whether something is a whole number from `least`. */
export function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
