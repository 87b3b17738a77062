import type { GrpcWatchOptions } from '../../src/push/grpc/index.js';
import { EventLog } from '../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../src/push/log/settings.js';
import { serveWatch, WatchClient, type WatchingCall } from '../support/grpc-watch.js';

/** A log behind a watch service, with an honest client and room for others. */
export class AttackedWatch implements AsyncDisposable {
  readonly log: EventLog;
  readonly address: string;
  readonly #closers: (() => unknown)[] = [];

  private constructor(log: EventLog, address: string) {
    this.log = log;
    this.address = address;
  }

  static async start(options?: GrpcWatchOptions, logOptions: EventLogOptions = {}): Promise<AttackedWatch> {
    const log = new EventLog(logOptions);
    const server = await serveWatch(log, options);
    const attacked = new AttackedWatch(log, server.address);
    attacked.#closers.push(() => server[Symbol.asyncDispose]());
    return attacked;
  }

  /** A client on a connection of its own. */
  client(): WatchClient {
    const client = new WatchClient(this.address);
    this.#closers.unshift(() => client[Symbol.dispose]());
    return client;
  }

  /** A neighbour that follows `stream`. */
  async neighbour(stream: string): Promise<WatchingCall> {
    const call = this.client().watch();
    call.create({ streams: [stream] });
    await call.responses.find(({ created }) => created);
    return call;
  }

  /** Fails unless the neighbour gets an event that is published now. */
  async stillServes(neighbour: WatchingCall, stream: string): Promise<void> {
    const { revision } = { revision: String(this.log.publish(stream, 'for the neighbour').index) };
    await neighbour.responses.find(({ events }) => events.some((event) => event.revision === revision));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.log.close();
    for (const close of this.#closers) await close();
  }
}
