import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, NewStreamHandler, Stream } from '../../httpstream/index.js';
import type { ConnectionOptions } from '../../mux/options.js';
import type { ComplianceFactory, CompliancePair } from './types.js';

/** What a case gives {@link withPair}; settings of both ends, then of one. */
export interface CaseSetup {
  readonly serverHandler?: NewStreamHandler;
  readonly clientHandler?: NewStreamHandler;
  readonly options?: ConnectionOptions;
  readonly server?: ConnectionOptions;
  readonly client?: ConnectionOptions;
}

/** Sends back what it gets. */
export const echo: NewStreamHandler = (stream) => void stream.pipe(stream);

/** Never answers. */
export const putOff: NewStreamHandler = (stream) => stream.deferReply();

/** Runs a case on a fresh pair, and takes the pair down whatever happens. */
export async function withPair(
  factory: ComplianceFactory,
  setup: CaseSetup,
  run: (pair: CompliancePair) => Promise<void>,
): Promise<void> {
  const base: ConnectionOptions = { pingPeriod: 0, ...setup.options };
  const pair = await factory({
    serverHandler: setup.serverHandler ?? echo,
    ...(setup.clientHandler === undefined ? {} : { clientHandler: setup.clientHandler }),
    server: { ...base, ...setup.server },
    client: { ...base, ...setup.client },
  });
  try {
    await run(pair);
  } finally {
    pair.cut();
    await Promise.all([pair.client.closed, pair.server.closed]);
    await pair.stop();
  }
}

/** Waits, turn by turn of the event loop, until `condition` holds; the test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

/** Lets what is under way on the loop come to rest. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

/** All bytes up to an orderly end. Rejects with the stream's error. */
export async function readAll(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}

/** The error that a stream ends with; `undefined` when it closes without one. */
export async function streamError(stream: Stream): Promise<Error | undefined> {
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  return stream.errored ?? undefined;
}

/** Collects the streams that a handler is given. */
export class Acceptor {
  readonly streams: Stream[] = [];
  readonly handler: NewStreamHandler = (stream): void => void this.streams.push(stream);

  /** The `index`-th stream, as soon as it is there. */
  async stream(index = 0): Promise<Stream> {
    await until(() => this.streams.length > index);
    const stream = this.streams[index];
    if (stream === undefined) throw new Error(`no stream ${index}`);
    return stream;
  }
}

/** The stream ids of a connection. */
export function ids(connection: Connection): number[] {
  return [...connection.streams.keys()];
}
