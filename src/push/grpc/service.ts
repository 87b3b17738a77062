import { Sweep } from '../../clock/sweep.js';
import { checkLog } from '../http/check-log.js';
import { endInSlices, resolveDrainOptions, type DrainOptions } from '../http/drain.js';
import { WatchCallSession } from './call.js';
import { loadWatchCodec, type WatchCodec } from './codec.js';
import { WatchFramer } from './framer.js';
import { resolveWatchOptions, type GrpcWatchOptions, type WatchSettings } from './options.js';
import { readRequest } from './request.js';
import { STATUS, type GrpcWatchService, type WatchableLog, type WatchCall } from './types.js';
import type { Watch } from './watch.js';

/** What the calls of a service share. */
export interface WatchHost {
  readonly log: WatchableLog;
  readonly settings: WatchSettings;
  readonly codec: WatchCodec;
  readonly framer: WatchFramer;
  /** Watches that want to be told how far they have come. */
  readonly progress: Sweep<Watch>;
  /** A call of a peer is over. */
  left(session: WatchCallSession, peer: string): void;
}

/** Counts the calls that are served, of all and of each connection. */
class CallCounter {
  readonly #most: number;
  readonly #mostPerConnection: number;
  readonly #connections = new Map<string, number>();
  #all = 0;

  constructor(most: number, mostPerConnection: number) {
    this.#most = most;
    this.#mostPerConnection = mostPerConnection;
  }

  /** @param peer Address and port: a connection, where it has them. @returns Whether there is room. */
  enter(peer: string): boolean {
    const count = this.#connections.get(peer) ?? 0;
    const tooMany = count >= this.#mostPerConnection && peer !== 'unknown';
    if (tooMany || this.#all >= this.#most) return false;
    this.#connections.set(peer, count + 1);
    this.#all++;
    return true;
  }

  leave(peer: string): void {
    const count = this.#connections.get(peer) ?? 0;
    if (count > 1) this.#connections.set(peer, count - 1);
    else this.#connections.delete(peer);
    this.#all--;
  }
}

function refuse(call: WatchCall, code: number, details: string): void {
  call.on('error', () => {});
  call.emit('error', { code, details });
}

/**
 * Serves an `EventLog` over gRPC in the manner of etcd v3: a call carries many watches; each is created and cancelled by a
 * message, resumes from a cursor or from a revision of this run, and is cancelled with `compact_revision` when that revision
 * is no longer kept. The messages are those of `trunkline/push/watch.proto`.
 *
 * Give the result to a server of your own:
 *
 * ```js
 * const { definition, implementation } = grpcWatchService(log);
 * server.addService(definition, implementation);   // server = new grpc.Server(), of @grpc/grpc-js
 * ```
 *
 * A client that loses its call resumes with the cursor, or the revision after the last, that it saw last. Connections that
 * are dead are the server's to find: see `grpc.keepalive_time_ms`.
 *
 * Source: etcd v3 `api/etcdserverpb/rpc.proto` and `server/etcdserver/api/v3rpc/watch.go`.
 *
 * @throws InvalidArgumentError for what is no log, and for unusable options; MissingPackageError without `@grpc/proto-loader`.
 */
export function grpcWatchService(log: WatchableLog, options: GrpcWatchOptions = {}): GrpcWatchService {
  checkLog('grpcWatchService', log);
  const settings = resolveWatchOptions(options);
  const codec = loadWatchCodec();
  const calls = new CallCounter(settings.maxCalls, settings.maxCallsPerConnection);
  const host: WatchHost = {
    log,
    settings,
    codec,
    framer: new WatchFramer(codec, log.origin),
    progress: new Sweep(log.clock, settings.progressInterval, (watch) => watch.tellProgress()),
    left: (session, peer) => {
      sessions.delete(session);
      calls.leave(peer);
    },
  };
  const sessions = new Set<WatchCallSession>();
  let closed = false;
  const serve = (call: WatchCall): void => {
    if (closed) refuse(call, STATUS.unavailable, 'the server is shutting down');
    else if (calls.enter(call.getPeer())) sessions.add(new WatchCallSession(call, host));
    else refuse(call, STATUS.resourceExhausted, 'the server has too many watch calls');
  };
  return {
    get calls(): number {
      return sessions.size;
    },
    async drain(given: DrainOptions = {}): Promise<void> {
      const drain = resolveDrainOptions(given);
      closed = true;
      const ending = {
        clients: sessions,
        remains: (session: WatchCallSession) => sessions.has(session),
        end: (session: WatchCallSession) => session.close(),
      };
      await endInSlices(ending, log.clock, drain);
    },
    definition: {
      Watch: {
        path: codec.path,
        requestStream: true,
        responseStream: true,
        requestSerialize: (value) => codec.encodeRequest(value as object),
        requestDeserialize: (bytes) => readRequest(bytes, settings.maxRequestBytes, codec.decodeRequest),
        // The service writes bytes, made once for all calls.
        responseSerialize: (value) => (Buffer.isBuffer(value) ? value : codec.encodeResponse(value as object)),
        responseDeserialize: codec.decodeResponse,
        originalName: 'watch',
      },
    },
    implementation: { Watch: serve },
  };
}
