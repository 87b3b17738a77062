import { Sweep } from '../../clock/sweep.js';
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
  left(session: WatchCallSession): void;
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
 * @throws InvalidArgumentError for unusable options; MissingPackageError without `@grpc/proto-loader`.
 */
export function grpcWatchService(log: WatchableLog, options: GrpcWatchOptions = {}): GrpcWatchService {
  const settings = resolveWatchOptions(options);
  const codec = loadWatchCodec();
  const sessions = new Set<WatchCallSession>();
  const host: WatchHost = {
    log,
    settings,
    codec,
    framer: new WatchFramer(codec, log.origin),
    progress: new Sweep(log.clock, settings.progressInterval, (watch) => watch.tellProgress()),
    left: (session) => void sessions.delete(session),
  };
  const serve = (call: WatchCall): void => {
    if (sessions.size >= settings.maxCalls) {
      call.on('error', () => {});
      call.emit('error', { code: STATUS.resourceExhausted, details: 'the server has too many watch calls' });
      return;
    }
    sessions.add(new WatchCallSession(call, host));
  };
  return {
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
