export { VirtualClock } from './virtual-clock.js';
export { duplexPair, type DuplexPairOptions, type MemoryDuplex } from './duplex-pair.js';
export { FaultyDuplex, type FaultDirection, type FaultOptions } from './faults.js';
export { FaultProxy, type FaultProxyOptions, type ProxyDirection } from './fault-proxy.js';
export { seededRandom } from './random.js';
export { oneByte, randomSlices, slices, wholeChunks, type Slicer } from './slicers.js';
export {
  connectionCompliance,
  type ComplianceFactory,
  type ComplianceOptions,
  type CompliancePair,
  type ComplianceSetup,
} from './compliance/index.js';
export {
  startCluster,
  type Cluster,
  type ClusterOptions,
  type ClusterPod,
  type ReplaceOptions,
  type ServeOptions,
} from '../cluster/index.js';
export { APIFaults, type APIFault, type FaultScope, type SeenRequest, type WatchFault } from '../apiserver/index.js';
