import type { Clock } from '../clock/clock.js';
import type { Logger } from '../logger/logger.js';
import type { PodState } from '../mesh/protocol/messages.js';
import { isRefusal } from '../push/http/authorize.js';
import type { Drain } from '../push/http/drain.js';
import { listenGrpc, type GrpcServer } from '../push/grpc/server.js';
import {
  grpcWatchService,
  type GrpcWatchService,
  type WatchAuthorizeResult,
  type WatchCaller,
} from '../push/grpc/index.js';
import type { EventLog } from '../push/log/event-log.js';
import type { Access } from './access.js';
import { ReadyLog } from './ready-log.js';

/** How clients follow over gRPC. */
export interface GrpcFollowersOptions {
  readonly access: Access;
  readonly state: () => PodState;
  readonly host: string;
  readonly port: number;
  readonly maxClients: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const UNAUTHENTICATED = 16;

/** The gRPC watch service on a port of its own. */
export class GrpcFollowers {
  readonly #options: GrpcFollowersOptions;
  readonly #service: GrpcWatchService;
  #server: GrpcServer | undefined;

  /** @throws MissingPackageError */
  constructor(log: EventLog, options: GrpcFollowersOptions) {
    const { access, state, maxClients, logger } = options;
    this.#options = options;
    this.#service = grpcWatchService(new ReadyLog(log, state), {
      authorize: (caller, streams) => authorize(access, caller, streams),
      wildcards: true,
      maxCalls: maxClients,
      logger,
    });
  }

  get clients(): number {
    return this.#service.calls;
  }

  /** The port, once it is open. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  /** @throws MissingPackageError; what listening throws. */
  async listen(): Promise<void> {
    const { host, port, clock } = this.#options;
    this.#server = await listenGrpc(this.#service, { host, port, clock });
  }

  async drain({ over, random, signal }: Drain): Promise<void> {
    await this.#service.drain({ over, random, ...(signal === undefined ? {} : { signal }) });
  }

  async close(timeout: number): Promise<void> {
    await this.#server?.close(timeout);
  }
}

async function authorize(
  access: Access,
  caller: WatchCaller,
  streams: readonly string[],
): Promise<WatchAuthorizeResult> {
  const verdict = await access.check({
    action: 'follow',
    streams,
    header: (name) => metadataOf(caller, name),
    remoteAddress: addressOf(caller.getPeer()),
    request: undefined,
  });
  if (!isRefusal(verdict)) return verdict.peer === undefined ? true : { peer: verdict.peer };
  return verdict.status === 401 && { code: UNAUTHENTICATED, details: 'this needs a valid token' };
}

function metadataOf({ metadata }: WatchCaller, name: string): string | undefined {
  const values = metadata.get(name).filter((value) => typeof value === 'string');
  return values.length === 0 ? undefined : values.join(', ');
}

/** The address in `address:port`, IPv6 with brackets or without. */
function addressOf(peer: string): string | undefined {
  const [, bracketed, plain] = /^(?:ipv[46]:)?(?:\[(.+)\]|(.+)):\d+$/.exec(peer) ?? [];
  return bracketed ?? plain;
}
