export {
  ANONYMOUS,
  attributesOf,
  type Attributes,
  type Authorizer,
  type Decision,
  type UserInfo,
} from './authorization.js';
export type { ConnectOptions, ForwardOptions } from './connect.js';
export { EndpointSliceController, type EndpointSliceControllerOptions } from './endpoint-slices.js';
export type { APIFault, FaultScope, SeenRequest, WatchFault } from './fault.js';
export { APIFaults } from './faults.js';
export type {
  Container,
  ContainerState,
  ContainerStatus,
  Endpoint,
  EndpointPort,
  EndpointSlice,
  KubernetesObject,
  Namespace,
  ObjectMeta,
  OwnerReference,
  Pod,
  PodCondition,
  Probe,
  Service,
  ServicePort,
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
