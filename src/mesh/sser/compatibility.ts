import type { RequestListener } from 'node:http';
import type { Logger } from '../../logger/logger.js';
import { UpgradeFailureError } from '../../httpstream/index.js';
import type { Address, Dial } from '../node/dialer.js';
import { isForPeerEndpoint, peerEndpoint, type DeliveringLog, type PeerEndpoint } from './peer-endpoint.js';
import { PeerPoster, type PostedLog } from './peer-poster.js';
import type { PostedPeerInfo, PostLimits } from './posted-peer.js';

/** What pods of the Go package exchange with this one. */
export interface CompatibleStats {
  /** Peers that own events are posted to. */
  readonly peers: readonly PostedPeerInfo[];
  /** Own events that were posted to none, for they have a type or are empty. */
  readonly skipped: number;
  /** Events that were posted to this pod, and requests that it refused. */
  readonly received: number;
  readonly refused: number;
}

/** Has a mesh get on with pods of the Go package go.skia.org/infra/go/sser: takes what they post, and posts to them. */
export class Compatibility {
  readonly #endpoint: PeerEndpoint;
  readonly #poster: PeerPoster;

  constructor(
    log: DeliveringLog & PostedLog,
    options: { readonly logger?: Logger | undefined; readonly limits?: Partial<PostLimits> } = {},
  ) {
    const { logger, limits = {} } = options;
    const told = logger === undefined ? {} : { logger };
    this.#endpoint = peerEndpoint(log, told);
    this.#poster = new PeerPoster(log, { ...told, limits });
  }

  get stats(): CompatibleStats {
    const { peers, skipped } = this.#poster;
    const { received, refused } = this.#endpoint;
    return { peers, skipped, received, refused };
  }

  /** The peers that are looked for links to. */
  setPeers(addresses: readonly Address[]): void {
    this.#poster.setPeers(addresses);
  }

  /** Learns from attempts to dial links who has none. They go on: a pod of ours may come to the same address. */
  dial(dial: Dial): Dial {
    const poster = this.#poster;
    return (address, { opened, failed }) => {
      let cancelled = false;
      const attempt = dial(address, {
        opened: (transport) => {
          if (!cancelled) poster.stop(address);
          opened(transport);
        },
        failed: (error, why) => {
          // Whoever was to be dialled no more is no peer any more.
          if (cancelled) return;
          const status = error instanceof UpgradeFailureError ? error.statusCode : undefined;
          if (why === 'foreign') poster.serve(address);
          else if (status === undefined) poster.absent(address);
          // A pod that keeps to its own mesh. Other statuses are of proxies, and say nothing of the pod.
          else if (status === 401 || status === 403) poster.stop(address);
          failed(error, why);
        },
      });
      return {
        cancel: () => {
          cancelled = true;
          attempt.cancel();
        },
      };
    };
  }

  /** Serves the peer endpoint before what else the internal port serves. */
  requests(others: RequestListener): RequestListener {
    return (req, res) => (isForPeerEndpoint(req) ? this.#endpoint(req, res) : others(req, res));
  }

  /** Settles once nothing is left to post, except to peers that cannot be reached. */
  async idle(): Promise<void> {
    await this.#poster.idle();
  }

  close(): void {
    this.#poster.close();
  }
}
