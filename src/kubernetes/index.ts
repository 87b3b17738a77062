export { MissingPackageError } from '../errors/index.js';
export { loadKubeConfig, type ClusterLike, type KubeConfigLike } from './kube-config.js';
export { podTarget, type PodTargetOptions } from './pod-target.js';
