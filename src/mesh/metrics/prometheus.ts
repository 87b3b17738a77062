import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames } from '../../limits/option-names.js';
import {
  registerInstruments,
  type MetricsRegistration,
  type PromClient,
  type PromRegistry,
} from '../../push/metrics/prometheus.js';
import { MESH_INSTRUMENTS, type MeasuredMesh, type MeshSnapshot } from './instruments.js';

export interface PromMeshMetricsOptions {
  /** Default: prom-client's global registry. */
  readonly registry?: PromRegistry;
  /** What the names begin with; a second mesh in one registry needs its own. Default `trunkline_mesh_`. */
  readonly prefix?: string;
}

/**
 * Offers the numbers of a mesh to Prometheus through prom-client (15.x), which the program brings along. They are read when
 * they are scraped. Those of its log are `promMetrics(mesh.log, client)`.
 *
 * Gauges: `state{state}`, `links`, `held_back_events`, `lacking_origins`, `waiting_publishers`,
 * `link_round_trip_seconds{peer}`, `link_behind_events{peer}`, `link_age_seconds{peer}`; counters: `linked_total`,
 * `unlinked_total`, `dial_failures_total`, `refused_links_total`, `sent_events_total`, `received_events_total`,
 * `sent_bytes_total`, `received_bytes_total`, `slow_peer_waits_total`, `repairs_total`, `lost_events_total`,
 * `unacknowledged_events_total`.
 *
 * @param client The module `prom-client`: its default export, or all of it.
 * @returns Takes the metrics out of the registry.
 * @throws InvalidArgumentError for options that do not exist or cannot be.
 * @throws Error of prom-client when the registry has metrics of these names; then none is added.
 */
export function promMeshMetrics(
  mesh: MeasuredMesh,
  client: PromClient,
  options: PromMeshMetricsOptions = {},
): MetricsRegistration {
  if (typeof mesh?.stats !== 'function') throw new InvalidArgumentError('promMeshMetrics needs a Mesh first');
  checkOptionNames('promMeshMetrics', options, { registry: true, prefix: true });
  const { registry, prefix = 'trunkline_mesh_' } = options;
  return registerInstruments('promMeshMetrics(mesh, client)', client, {
    registry,
    prefix,
    instruments: MESH_INSTRUMENTS,
    read: snapshots(mesh),
  });
}

/** Reads a mesh once for all that ask in one turn of the event loop, so that the metrics of a scrape fit together. */
function snapshots(mesh: MeasuredMesh): () => MeshSnapshot {
  let current: MeshSnapshot | undefined;
  return () => {
    if (current === undefined) {
      current = { state: mesh.state, links: mesh.links, stats: mesh.stats() };
      queueMicrotask(() => (current = undefined));
    }
    return current;
  };
}
