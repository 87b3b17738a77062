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
export type { Ack } from './node/acknowledgements.js';
export type { DrainResult } from './node/drain.js';
export type { MeshLog } from './node/log-view.js';
export type { MeshOptions } from './options.js';
export type { PodState } from './protocol/messages.js';
export type { LinkInfo, MeshStats } from './stats.js';
export { DEFAULT_MESH_TIMES, type MeshTimes } from './times.js';
