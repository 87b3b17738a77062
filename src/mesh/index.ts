export type { Bus, BusPublishOptions, BusWaitOptions, PodPresence, Presence, Published } from './bus.js';
export type { AddressRecord, DnsPeerFinderOptions, PeerResolver, ServiceRecord } from './discovery/dns-options.js';
export { DnsPeerFinder } from './discovery/dns.js';
export {
  LocalhostPeerFinder,
  StaticPeerFinder,
  type LocalhostPeerFinderOptions,
  type StaticPeerFinderOptions,
} from './discovery/static.js';
export type { FindOptions, Peer, PeerFinder } from './discovery/types.js';
export { PodNotReadyError } from './errors.js';
export { Mesh } from './mesh.js';
export type { MeasuredMesh } from './metrics/instruments.js';
export { promMeshMetrics, type PromMeshMetricsOptions } from './metrics/prometheus.js';
export type { Ack } from './node/acknowledgements.js';
export type { DrainResult } from './node/drain.js';
export type { MeshLog } from './node/log-view.js';
export type { MeshOptions } from './options.js';
export type { PodState } from './protocol/messages.js';
export type { LinkInfo, MeshStats } from './stats.js';
export type { CompatibleStats } from './sser/compatibility.js';
export {
  ERR_ONLY_SEND_NON_EMPTY_MESSAGES,
  ERR_STREAM_NAME_REQUIRED,
  PEER_ENDPOINT_URL_PATH,
  QUERY_PARAMETER_NAME,
} from './sser/constants.js';
export { EmptyMessageError, StreamNameRequiredError } from './sser/errors.js';
export type { SSEServerOptions } from './sser/options.js';
export { peerEndpoint, type DeliveringLog, type PeerEndpoint, type PeerEndpointOptions } from './sser/peer-endpoint.js';
export type { PeerEvent } from './sser/peer-event.js';
export type { PostedPeerInfo } from './sser/posted-peer.js';
export { SSEServer, type SSEServerDrainOptions } from './sser/sse-server.js';
export { DEFAULT_MESH_TIMES, type MeshTimes } from './times.js';
