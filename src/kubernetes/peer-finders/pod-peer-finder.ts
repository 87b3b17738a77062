import { InvalidArgumentError } from '../../errors/index.js';
import type { OptionNames } from '../../limits/option-names.js';
import type { FindOptions, Peer, PeerFinder } from '../../mesh/discovery/types.js';
import { APIClient } from './api-client.js';
import { peersOfObjects } from './finder.js';
import { COMMON_OPTIONS, resolveOptions, type FinderSettings, type KubernetesFinderOptions } from './options.js';
import { peerOfPod } from './peer-of.js';

/** Options of {@link PodPeerFinder}. */
export interface PodPeerFinderOptions extends KubernetesFinderOptions {
  /** Selects the pods of the mesh, such as `app=web`. Not empty: the namespace may hold other pods. */
  readonly labelSelector: string;
}

const NAMES: OptionNames<PodPeerFinderOptions> = { ...COMMON_OPTIONS, labelSelector: true };

/**
 * Finds the pods of a mesh by listing and watching pods: those that are Running, have an address and are not terminating.
 * Needs the right to `list` and `watch` pods in its namespace.
 *
 * The first list has to succeed. After that nothing ends the iteration: a watch that is silent, broken, cut in mid-line or
 * answered with 410 in either form, an API server that is away for minutes, credentials that expired; the last known
 * peers stay until the truth is known again. See `onError` for what was survived.
 *
 * Sources: go.skia.org/infra/go/sser (PeerFinderImpl, what it selects), client-go `tools/cache/reflector.go`.
 */
export class PodPeerFinder implements PeerFinder {
  readonly #options: PodPeerFinderOptions;
  readonly #settings: FinderSettings;
  readonly #api: APIClient;

  /** @throws InvalidArgumentError for options that cannot be meant. */
  constructor(options: PodPeerFinderOptions) {
    this.#settings = resolveOptions('PodPeerFinder', options, NAMES);
    const { labelSelector } = options;
    if (typeof labelSelector !== 'string' || labelSelector.trim() === '') {
      throw new InvalidArgumentError('labelSelector must select the pods of the mesh; it is empty');
    }
    this.#options = options;
    this.#api = new APIClient(options);
  }

  peers(options: FindOptions = {}): AsyncIterableIterator<readonly Peer[]> {
    const { rules } = this.#settings;
    const selection = async (): Promise<{ path: string; selectors: Record<string, string> }> => ({
      path: `/api/v1/namespaces/${await this.#api.namespace()}/pods`,
      selectors: { labelSelector: this.#options.labelSelector, fieldSelector: 'status.phase=Running' },
    });
    const peersOf = (pod: Parameters<typeof peerOfPod>[0]): readonly Peer[] => {
      const peer = peerOfPod(pod, rules);
      return peer === undefined ? [] : [peer];
    };
    return peersOfObjects({ api: this.#api, selection, peersOf }, this.#settings, options);
  }
}
