export {
  ANONYMOUS,
  attributesOf,
  type Attributes,
  type Authorizer,
  type Decision,
  type UserInfo,
} from './authorization.js';
export type { ConnectOptions, ForwardOptions } from './connect.js';
export type {
  Container,
  ContainerState,
  ContainerStatus,
  KubernetesObject,
  Namespace,
  ObjectMeta,
  Pod,
  PodCondition,
} from './objects.js';
export type { APIServerOptions } from './options.js';
export {
  RequestInfoError,
  RequestInfoResolver,
  type RequestInfo,
  type RequestInfoResolverOptions,
  type RequestLine,
} from './request-info.js';
export type { PodLogOptions, PodRuntime } from './runtime.js';
export {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type FieldRequirement,
  type LabelRequirement,
} from './selectors.js';
export { APIServer } from './server.js';
export { StatusError, statusError } from './status-error.js';
export { MemoryStore, VersionCounter, type ResourceReader, type StoreEvent } from './store.js';
