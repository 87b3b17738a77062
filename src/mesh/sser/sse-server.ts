import { InvalidArgumentError } from '../../errors/index.js';
import type { SSEDrainOptions } from '../../push/http/drain.js';
import { queryOf } from '../../push/http/request.js';
import { answerError } from '../../push/http/respond.js';
import type { PushRequest, PushResponse } from '../../push/http/types.js';
import type { EventLog } from '../../push/log/event-log.js';
import { sseHandler, type SSEHandler } from '../../push/sse/handler.js';
import type { SSEHandlerOptions } from '../../push/sse/options.js';
import type { BusPublishOptions, BusWaitOptions, Published } from '../bus.js';
import type { PeerFinder } from '../discovery/types.js';
import { Mesh } from '../mesh.js';
import type { DrainResult } from '../node/drain.js';
import { QUERY_PARAMETER_NAME } from './constants.js';
import { EmptyMessageError, StreamNameRequiredError } from './errors.js';
import { forgetForeignId } from './foreign-id.js';
import { partsOfOptions, type SSEServerOptions } from './options.js';

/** How an {@link SSEServer} is drained: how long it waits for other pods, and what becomes of its clients. */
export interface SSEServerDrainOptions extends BusWaitOptions {
  /** Over which time clients are ended, and when they come again. Default: all at once. */
  readonly clients?: SSEDrainOptions;
}

/**
 * Server-Sent Events over several pods, in the shape of the Go package go.skia.org/infra/go/sser: what is sent on any pod
 * reaches all clients of the stream, whichever pod they are connected to.
 *
 * It is an `EventLog`, a `Mesh` and an `sseHandler` in one, and so has what that package lacks: clients resume on any pod
 * where they left off, events come in order and once, `send` tells that another pod has the event, a pod drains before it
 * leaves, and peers may be made to prove a secret. Pods of both kinds can be in one Deployment: see
 * {@link SSEServerOptions.compatible}.
 *
 * ```js
 * const server = new SSEServer(7000, new PodPeerFinder({ labelSelector: 'app=web' }));
 * await server.start();
 * createServer(server.clientConnectionHandler()).listen(8000); // GET /?stream=foo
 * await server.send('foo', 'my message');
 * ```
 */
export class SSEServer implements AsyncDisposable {
  readonly log: EventLog;
  readonly mesh: Mesh;
  readonly #ownsLog: boolean;
  readonly #handlerOptions: SSEHandlerOptions;
  readonly #handlers = new Set<SSEHandler>();
  #closed: Promise<void> | undefined;

  /**
   * @param internalPort On which pods reach one another; 0 takes a free one.
   * @throws InvalidArgumentError for options that do not exist or are out of range.
   */
  constructor(internalPort: number, peerFinder: PeerFinder, options: SSEServerOptions = {}) {
    const { log, ownsLog, handler, mesh } = partsOfOptions(options);
    this.log = log;
    this.#ownsLog = ownsLog;
    this.#handlerOptions = handler;
    this.mesh = new Mesh(log, { ...mesh, port: internalPort, finder: peerFinder });
  }

  /** The internal port, once it is open. */
  get internalPort(): number {
    return this.mesh.port;
  }

  /** How many clients of this pod follow each stream (the counter `sser_server_client_connections` of the original). */
  get clients(): ReadonlyMap<string, number> {
    return this.log.counts();
  }

  /**
   * Opens the internal port, looks for peers, and settles once this pod has what the others have. Call it before `send`.
   *
   * @param options With a signal that ends the waiting.
   * @throws what `Mesh.start` throws: the server is closed then.
   */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    try {
      await this.mesh.start(options);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Makes a handler for the requests of clients, which name their streams with the query parameter `stream`. Without one
   * they get 400 and the code `ERR_STREAM_NAME_REQUIRED`. Where `compatible` is on, a client that comes from a pod of the Go
   * package, with an id that is a mere number, follows from now. For all else see `sseHandler`.
   *
   * @param options Beside those that the server was made with, and before them.
   * @throws InvalidArgumentError for options that do not exist or are out of range.
   */
  clientConnectionHandler(options: SSEHandlerOptions = {}): (req: PushRequest, res: PushResponse) => void {
    const settings = { ...this.#handlerOptions, ...options };
    const handler = sseHandler(this.log, settings);
    if (this.#closed !== undefined) handler.close();
    this.#handlers.add(handler);
    return (req, res) => {
      if (settings.stream === undefined && namesNoStream(req)) {
        const { code, message } = new StreamNameRequiredError();
        answerError(req, res, 400, code, message);
        return;
      }
      if (this.mesh.compatible !== undefined) forgetForeignId(req);
      handler(req, res);
    };
  }

  /**
   * Sends a message to all clients, on all pods, that follow the stream. Settles when another pod has it, or as `ack` says.
   *
   * @throws EmptyMessageError; what `Mesh.publish` throws.
   */
  async send(stream: string, msg: string, options: BusPublishOptions = {}): Promise<Published> {
    if (typeof msg !== 'string') throw new InvalidArgumentError('a message must be text');
    if (msg === '') throw new EmptyMessageError();
    return await this.mesh.publish(stream, msg, options);
  }

  /**
   * Takes no more messages, waits until the other pods have all that this one holds, see `Mesh.drain`, and then ends the
   * streams of its clients, so that they go to other pods. Stop sending clients here before, and call `close` behind it.
   *
   * @throws what `Mesh.drain` and `SSEHandler.drain` throw.
   */
  async drain(options: SSEServerDrainOptions = {}): Promise<DrainResult> {
    const { clients, ...wait } = options;
    const result = await this.mesh.drain(wait);
    await Promise.all([...this.#handlers].map(async (handler) => await handler.drain(clients)));
    return result;
  }

  /** Ends the streams of all clients, in order, so that they go to other pods; then the links and the internal port. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    for (const handler of this.#handlers) handler.close();
    await this.mesh.close();
    if (this.#ownsLog) this.log.close();
  }
}

function namesNoStream(req: PushRequest): boolean {
  return queryOf(req)
    .getAll(QUERY_PARAMETER_NAME)
    .every((name) => name === '');
}
