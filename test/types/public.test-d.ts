// Compiled by `npm run check:types` and never run: what the public types promise. `@ts-expect-error` fails when the line
// below it compiles.
import type { Duplex } from 'node:stream';
import {
  ConnectionLostError,
  DEFAULT_LIMITS,
  StreamResetError,
  TrunklineError,
  noOpNewStreamHandler,
  type CloseReason,
  type Clock,
  type Connection,
  type IncomingStream,
  type Limits,
  type NewStreamHandler,
  type ResetReason,
  type ResponseUpgrader,
  type Stream,
  type UpgradeRoundTripper,
} from '../../src/index.js';
import {
  SpdyResponseUpgrader,
  SpdyRoundTripper,
  newSpdyClientConnection,
  newSpdyServerConnection,
} from '../../src/spdy/index.js';
import { VirtualClock, connectionCompliance, duplexPair, type ComplianceFactory } from '../../src/testing/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<A>(): <B>(value: B, equal: Equal<A, B>) => void {
  return () => {};
}

export async function connectionTypes(connection: Connection, incoming: IncomingStream): Promise<void> {
  const stream = await connection.createStream({ streamType: 'data', many: ['a', 'b'], none: undefined });
  expectType<Stream>()(stream, true);
  const duplex: Duplex = stream;
  duplex.destroy();
  expectType<Promise<void>>()(stream.accepted, true);
  expectType<Promise<CloseReason>>()(connection.closed, true);
  expectType<ReadonlyMap<number, Stream>>()(connection.streams, true);
  expectType<number>()(await connection.ping({ signal: AbortSignal.timeout(1) }), true);
  expectType<string | undefined>()(stream.headers.get('x'), true);
  connection.openStream([['a', 'b']]).reset('cancel');
  connection.openStream(stream.headers);
  connection.removeStreams(undefined, stream, incoming);
  await using closing = connection;
  closing.setIdleTimeout(1000);

  incoming.deferReply();
  incoming.accept();
  incoming.refuse('refused');
  // @ts-expect-error a stream that this side opened cannot be accepted
  stream.accept();
  // @ts-expect-error reasons are a closed set
  stream.reset('because');
  // @ts-expect-error header values are text
  connection.openStream({ port: 80 });
  // @ts-expect-error the streams belong to the connection
  connection.streams.clear();
  // @ts-expect-error ids do not change
  stream.id = 1;
}

export const handlers: NewStreamHandler[] = [
  noOpNewStreamHandler,
  () => {},
  async (stream) => {
    for await (const chunk of stream) void chunk;
  },
  (stream, replySent) => {
    expectType<IncomingStream>()(stream, true);
    expectType<Promise<void>>()(replySent, true);
  },
];

export function engineTypes(socket: Duplex, clock: Clock, factory: ComplianceFactory): void {
  const options = {
    limits: { maxStreams: 1 },
    clock,
    stallPolicy: { resetAfter: 1 },
    idleTimeout: 1,
    compressionLevel: 9,
  };
  expectType<Connection>()(newSpdyServerConnection(socket, noOpNewStreamHandler, options), true);
  expectType<Connection>()(
    newSpdyClientConnection(socket, { ...options, newStreamHandler: noOpNewStreamHandler }),
    true,
  );
  const upgrader: ResponseUpgrader = new SpdyResponseUpgrader(options);
  const roundTripper: UpgradeRoundTripper = new SpdyRoundTripper(options);
  void [upgrader, roundTripper, duplexPair({ clock: new VirtualClock() })];
  connectionCompliance('name', factory, { volume: 1 });
  // @ts-expect-error unknown limit
  newSpdyClientConnection(socket, { limits: { maxStream: 1 } });
  // @ts-expect-error a server needs a handler
  newSpdyServerConnection(socket);
  // @ts-expect-error defaults cannot be changed
  DEFAULT_LIMITS.maxStreams = 1;
}

export function errorTypes(error: unknown, limits: Limits): string {
  expectType<number>()(limits.maxStreams, true);
  if (error instanceof StreamResetError) {
    expectType<ResetReason>()(error.reason, true);
    const code: 'ERR_STREAM_RESET' = error.code;
    return code;
  }
  if (error instanceof ConnectionLostError) expectType<'local' | 'remote' | undefined>()(error.initiator, true);
  // @ts-expect-error the base class is abstract
  const made = new TrunklineError('x');
  return String(made);
}
