export { MissingPackageError } from '../errors/index.js';
export type { FindOptions, Peer, PeerFinder } from '../mesh/discovery/types.js';
export { KubernetesAPIError, type KubernetesAPIErrorDetails } from './api-error.js';
export { loadKubeConfig, type ClusterLike, type KubeConfigLike } from './kube-config.js';
export {
  EndpointSlicePeerFinder,
  type EndpointSlicePeerFinderOptions,
} from './peer-finders/endpoint-slice-peer-finder.js';
export type { KubernetesFinderOptions, SelfPod } from './peer-finders/options.js';
export { PodPeerFinder, type PodPeerFinderOptions } from './peer-finders/pod-peer-finder.js';
export { podTarget, type PodTargetOptions } from './pod-target.js';
