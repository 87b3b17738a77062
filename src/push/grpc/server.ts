import { MissingPackageError } from '../../errors/index.js';
import type { Clock } from '../../clock/clock.js';
import { within } from '../../clock/deadline.js';
import type { GrpcWatchService } from './types.js';

/** Where a {@link GrpcServer} listens. */
export interface GrpcListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: Clock;
}

/** A gRPC server with the watch service. */
export interface GrpcServer {
  readonly port: number;
  /** Takes no more connections, and settles when calls have ended, or are ended after these milliseconds. */
  close(timeout: number): Promise<void>;
}

/** Finds connections whose other end has vanished; clients may ask as often that they are still served. */
const OPTIONS = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Spreads clients over servers anew; calls that go on have as long again.
  'grpc.max_connection_age_ms': 1_800_000,
};

/**
 * Serves the watch service on a port of its own, without TLS.
 *
 * @throws MissingPackageError without `@grpc/grpc-js`; an Error with `code`, `address` and `port` when it cannot listen.
 */
export async function listenGrpc(
  { definition, implementation }: GrpcWatchService,
  { host, port, clock }: GrpcListenOptions,
): Promise<GrpcServer> {
  const { Server, ServerCredentials } = await importGrpc();
  const server = new Server(OPTIONS);
  server.addService(definition, implementation);
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, taken) => {
      if (error === null) resolve(taken);
      else reject(listenError(error, host, port));
    });
  });
  return {
    port: bound,
    async close(timeout) {
      const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await within(ended, timeout, clock);
      server.forceShutdown();
    },
  };
}

/** The package tells the cause in its message only. */
function listenError(error: Error, address: string, port: number): Error {
  const code = /\b(E[A-Z]{4,})\b/.exec(error.message)?.[1];
  return code === undefined ? error : Object.assign(error, { code, address, port });
}

async function importGrpc(): Promise<typeof import('@grpc/grpc-js')> {
  try {
    return await import('@grpc/grpc-js');
  } catch (cause) {
    throw new MissingPackageError(
      'the gRPC watch service needs the optional packages @grpc/grpc-js and @grpc/proto-loader; install them with: npm install @grpc/grpc-js @grpc/proto-loader',
      { cause, initiator: 'local' },
    );
  }
}
