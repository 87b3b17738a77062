import { join } from 'node:path';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  makeGenericClientConstructor,
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition as LoadedMethod } from '@grpc/proto-loader';
import { grpcWatchService, type GrpcWatchOptions, type WatchableLog } from '../../src/push/grpc/index.js';
import { Inbox } from './inbox.js';
import { projectRoot } from './project-root.js';

/** The file that users get. */
export const WATCH_PROTO: string = join(projectRoot, 'src', 'push', 'grpc', 'watch.proto');

/** A WatchResponse, as the test's own copy of the proto gives it. */
export interface Response {
  readonly header: { readonly run: string; readonly revision: string; readonly cursor: string };
  readonly watch_id: string;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: string;
  readonly cancel_reason: string;
  readonly events: readonly {
    readonly stream: string;
    readonly type: string;
    readonly data: Buffer;
    readonly revision: string;
    readonly cursor: string;
    readonly live: boolean;
  }[];
  readonly gap: null | {
    readonly reason: string;
    readonly streams: readonly string[];
    readonly missing: readonly { readonly origin: string; readonly after: string; readonly through?: string }[];
  };
}

/** Method Watch, as a client that has only `watch.proto` knows it. */
export function loadWatchMethod(): LoadedMethod<object, object> {
  const definitions = loadSync(WATCH_PROTO, {
    keepCase: true,
    longs: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  const service = definitions['trunkline.push.v1.Watch'];
  const method = service === undefined ? undefined : Reflect.get(service, 'Watch');
  return method as LoadedMethod<object, object>;
}

/** A server with the watch service on a log. */
export interface WatchServer extends AsyncDisposable {
  readonly address: string;
  readonly server: Server;
}

export async function serveWatch(
  log: WatchableLog,
  options?: GrpcWatchOptions,
  channel?: ChannelOptions,
): Promise<WatchServer> {
  const server = new Server(channel);
  const { definition, implementation } = grpcWatchService(log, options);
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await new Promise((resolve) => server.tryShutdown(resolve));
    },
  };
}

/** A call, whose responses are collected. */
export interface WatchingCall {
  readonly call: ClientDuplexStream<object, object>;
  readonly responses: Inbox<Response>;
  /** How the call ended; OK is `undefined`. */
  readonly ended: Promise<ServiceError | undefined>;
  create(request: object): void;
  cancel(watchId: string): void;
  progress(): void;
}

/** A client with a connection of its own. */
export class WatchClient implements Disposable {
  readonly #client: Client;
  readonly #method: MethodDefinition<object, object>;

  constructor(address: string, options: ChannelOptions = {}) {
    this.#method = loadWatchMethod();
    const Constructor = makeGenericClientConstructor({ Watch: this.#method }, 'Watch');
    this.#client = new Constructor(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  watch(metadata: Readonly<Record<string, string>> = {}, options: CallOptions = {}): WatchingCall {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const fields = new Metadata();
    for (const [name, value] of Object.entries(metadata)) fields.set(name, value);
    const call = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, fields, options);
    const responses = new Inbox<Response>();
    const ended = new Promise<ServiceError | undefined>((resolve) => {
      call.on('error', (error: ServiceError) => resolve(error));
      call.on('end', () => resolve(undefined));
    });
    call.on('data', (response: Response) => responses.put(response));
    void ended.then((error) => responses.fail(error ?? new Error('the call has ended')));
    return {
      call,
      responses,
      ended,
      create: (request) => void call.write({ create_request: request }),
      cancel: (watchId) => void call.write({ cancel_request: { watch_id: watchId } }),
      progress: () => void call.write({ progress_request: {} }),
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The texts of all events in the responses so far, or of one watch. */
export function textsOf(responses: readonly Response[], watchId?: string): string[] {
  return responses
    .filter((response) => watchId === undefined || response.watch_id === watchId)
    .flatMap(({ events }) => events.map(({ data }) => data.toString()));
}
