import { Packr } from 'msgpackr';
import { ProtocolError } from '../../errors/index.js';
import type { SnapshotRow, SnapshotStream } from '../../push/log/snapshot.js';
import { Fields, malformed } from './fields.js';
import type {
  ControlMessage,
  FetchMessage,
  Lane,
  LogMessage,
  MeshMessage,
  PodState,
  Positions,
  WireEvent,
} from './messages.js';

/** Bytes of one message: one event of the largest size that logs take, and what is around it. */
export const MAX_MESSAGE_BYTES: number = 1024 * 1024;
/** Bytes of the first message: how far along 4,096 origins are, and what is around it. */
export const MAX_HELLO_BYTES: number = 96 * 1024;

const MAX_ORIGINS = 4_096;
const MAX_EVENTS = 4_096;
const MAX_STREAMS = 10_000;
const MAX_ROWS = 512;
const LONGEST_NAME = 256;
const STATES: readonly PodState[] = ['joining', 'ready', 'draining'];

// Lists only, and no records: no name of a peer can reach a prototype, and each message stands for itself.
const packr = new Packr({ useRecords: false, mapsAsObjects: false });

/** First item of each message. New ones are added at the end; a number never changes its meaning. */
const TYPES = {
  hello: 1,
  have: 2,
  ack: 3,
  state: 4,
  ping: 5,
  pong: 6,
  bye: 7,
  events: 8,
  skip: 9,
  fetch: 10,
  found: 11,
  copy: 12,
  part: 13,
  who: 14,
  here: 15,
  missed: 16,
} as const;
const NAMES: ReadonlyMap<number, keyof typeof TYPES> = new Map(
  Object.entries(TYPES).map(([name, number]) => [number, name as keyof typeof TYPES]),
);
const LANES: Readonly<Record<Lane, ReadonlySet<keyof typeof TYPES>>> = {
  control: new Set(['hello', 'have', 'ack', 'state', 'ping', 'pong', 'bye', 'missed']),
  log: new Set(['events', 'skip']),
  fetch: new Set(['fetch', 'found', 'copy', 'part', 'who', 'here']),
};

/** The bytes of a message. They are a frame of their own: see `frames.ts` for how they follow one another. */
export function encodeMessage(message: MeshMessage): Uint8Array {
  return packr.pack([TYPES[message.kind], ...fieldsOf(message)]);
}

/**
 * Reads a message of a lane.
 *
 * @returns `undefined` for a type that is not known: it is from a newer version, and to be skipped.
 * @throws ProtocolError for anything else that cannot be read, or does not belong to the lane.
 */
export function decodeMessage(lane: 'control', bytes: Uint8Array): ControlMessage | undefined;
export function decodeMessage(lane: 'log', bytes: Uint8Array): LogMessage | undefined;
export function decodeMessage(lane: 'fetch', bytes: Uint8Array): FetchMessage | undefined;
export function decodeMessage(lane: Lane, bytes: Uint8Array): MeshMessage | undefined;
export function decodeMessage(lane: Lane, bytes: Uint8Array): MeshMessage | undefined {
  const value = unpack(bytes);
  const fields = new Fields(value, 'a message');
  const type = NAMES.get(fields.whole());
  if (type === undefined) return undefined;
  if (!LANES[lane].has(type)) throw new ProtocolError(`${type} came on the lane ${lane}`, { initiator: 'remote' });
  return READERS[type](fields);
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch {
    throw malformed('a message');
  }
}

function fieldsOf(message: MeshMessage): readonly unknown[] {
  switch (message.kind) {
    case 'hello': {
      const { version, origin, name, state, history, capabilities, have, dial } = message;
      return [version, origin, name, state, [history.events, history.bytes, history.age], capabilities, have, dial];
    }
    case 'have':
      return [message.have];
    case 'missed':
      return [message.missed];
    case 'ack':
    case 'skip':
      return [message.n];
    case 'state':
      return [message.state];
    case 'ping':
    case 'pong':
    case 'copy':
    case 'who':
      return [message.id];
    case 'bye':
      return [message.reason];
    case 'events':
      return [message.events.map(eventFields)];
    case 'fetch':
      return [message.id, message.origin, message.after, message.through];
    case 'found':
      return [message.id, message.events.map(eventFields), message.through];
    case 'part': {
      const { id, streams, events, have, last } = message;
      return [id, streams.map(streamFields), events.map((event) => [...eventFields(event), event.origin]), have, last];
    }
    case 'here':
      return [message.id, message.clients, message.streams, message.last];
  }
}

const READERS: Readonly<Record<keyof typeof TYPES, (fields: Fields) => MeshMessage>> = {
  hello: (fields) => ({
    kind: 'hello',
    version: fields.whole(1),
    origin: fields.origin(),
    name: fields.text(LONGEST_NAME),
    state: fields.oneOf(STATES),
    history: readHistory(fields),
    capabilities: fields.texts(64, LONGEST_NAME),
    have: positions(fields),
    dial: fields.whole(),
  }),
  have: (fields) => ({ kind: 'have', have: positions(fields) }),
  missed: (fields) => ({ kind: 'missed', missed: positions(fields) }),
  ack: (fields) => ({ kind: 'ack', n: fields.whole() }),
  state: (fields) => ({ kind: 'state', state: fields.oneOf(STATES) }),
  ping: (fields) => ({ kind: 'ping', id: fields.whole() }),
  pong: (fields) => ({ kind: 'pong', id: fields.whole() }),
  bye: (fields) => ({ kind: 'bye', reason: fields.text(LONGEST_NAME) }),
  events: (fields) => ({ kind: 'events', events: fields.list(MAX_EVENTS, readEvent) }),
  skip: (fields) => ({ kind: 'skip', n: fields.whole(1) }),
  fetch: (fields) => ({
    kind: 'fetch',
    id: fields.whole(),
    origin: fields.origin(),
    after: fields.whole(),
    through: fields.whole(1),
  }),
  found: (fields) => ({
    kind: 'found',
    id: fields.whole(),
    events: fields.list(MAX_EVENTS, readEvent),
    through: fields.whole(),
  }),
  copy: (fields) => ({ kind: 'copy', id: fields.whole() }),
  part: (fields) => ({
    kind: 'part',
    id: fields.whole(),
    streams: fields.list(MAX_STREAMS, readStream),
    events: fields.list(MAX_EVENTS, (each) => ({ ...readEvent(each), origin: each.origin() })),
    have: positions(fields),
    last: fields.flag(),
  }),
  who: (fields) => ({ kind: 'who', id: fields.whole() }),
  here: (fields) => ({
    kind: 'here',
    id: fields.whole(),
    clients: fields.whole(),
    streams: fields.list(MAX_STREAMS, (each) => [each.text(LONGEST_NAME), each.whole()] as const),
    last: fields.flag(),
  }),
};

function readHistory(fields: Fields): { readonly events: number; readonly bytes: number; readonly age: number } {
  const [events = 0, bytes = 0, age = 0] = fields.numbers(3);
  return { events, bytes, age };
}

function positions(fields: Fields): Positions {
  return fields.list(MAX_ORIGINS, (each) => [each.origin(), each.whole()] as const);
}

function eventFields({ n, stream, type, data, key, age }: WireEvent): readonly unknown[] {
  return [n, stream, type, data, key ?? null, age];
}

function readEvent(fields: Fields): WireEvent {
  return {
    n: fields.whole(1),
    stream: fields.text(LONGEST_NAME),
    type: fields.text(LONGEST_NAME),
    data: fields.text(MAX_MESSAGE_BYTES),
    key: fields.optionalText(LONGEST_NAME),
    age: fields.milliseconds(),
  };
}

function streamFields({ name, rows }: SnapshotStream): readonly unknown[] {
  return [name, rows.map(({ origin, floor, floorAge, lastAge, listed }) => [origin, floor, floorAge, lastAge, listed])];
}

function readStream(fields: Fields): SnapshotStream {
  return { name: fields.text(LONGEST_NAME), rows: fields.list(MAX_ROWS, readRow) };
}

function readRow(fields: Fields): SnapshotRow {
  return {
    origin: fields.origin(),
    floor: fields.whole(),
    floorAge: fields.milliseconds(),
    lastAge: fields.milliseconds(),
    listed: fields.flag(),
  };
}
