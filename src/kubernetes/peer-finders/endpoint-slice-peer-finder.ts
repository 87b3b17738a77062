import type { OptionNames } from '../../limits/option-names.js';
import type { FindOptions, Peer, PeerFinder } from '../../mesh/discovery/types.js';
import { APIClient } from './api-client.js';
import { peersOfObjects } from './finder.js';
import {
  checkLabel,
  COMMON_OPTIONS,
  resolveOptions,
  type FinderSettings,
  type KubernetesFinderOptions,
} from './options.js';
import { peersOfSlice } from './peer-of.js';

/** Options of {@link EndpointSlicePeerFinder}. */
export interface EndpointSlicePeerFinderOptions extends KubernetesFinderOptions {
  /** Name of the Service whose pods are the mesh; a headless one will do. */
  readonly service: string;
}

const NAMES: OptionNames<EndpointSlicePeerFinderOptions> = { ...COMMON_OPTIONS, service: true };

/**
 * Finds the pods of a mesh by listing and watching the EndpointSlices of a Service. Smaller than pods, and with a port by
 * name; needs the right to `list` and `watch` `endpointslices` of `discovery.k8s.io` in its namespace.
 *
 * Survives all that `PodPeerFinder` does. A pod is one peer, though it stands in slices of both address families, or in
 * two at once while the controller moves it.
 *
 * Source: Kubernetes `discovery.k8s.io/v1` (EndpointSlice, EndpointConditions).
 */
export class EndpointSlicePeerFinder implements PeerFinder {
  readonly #service: string;
  readonly #settings: FinderSettings;
  readonly #api: APIClient;

  /** @throws InvalidArgumentError for options that cannot be meant. */
  constructor(options: EndpointSlicePeerFinderOptions) {
    this.#settings = resolveOptions('EndpointSlicePeerFinder', options, NAMES);
    checkLabel('service', options.service);
    this.#service = options.service;
    this.#api = new APIClient(options);
  }

  peers(options: FindOptions = {}): AsyncIterableIterator<readonly Peer[]> {
    const { rules } = this.#settings;
    const selection = async (): Promise<{ path: string; selectors: Record<string, string> }> => ({
      path: `/apis/discovery.k8s.io/v1/namespaces/${await this.#api.namespace()}/endpointslices`,
      selectors: { labelSelector: `kubernetes.io/service-name=${this.#service}` },
    });
    const peersOf = (slice: Parameters<typeof peersOfSlice>[0]): readonly Peer[] => peersOfSlice(slice, rules);
    return peersOfObjects({ api: this.#api, selection, peersOf }, this.#settings, options);
  }
}
