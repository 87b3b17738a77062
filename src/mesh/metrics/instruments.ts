import type { PromInstrument } from '../../push/metrics/prometheus.js';
import type { PodState } from '../protocol/messages.js';
import type { LinkInfo, MeshStats } from '../stats.js';

/** What is measured: a `Mesh`. */
export interface MeasuredMesh {
  readonly state: PodState;
  readonly links: readonly LinkInfo[];
  stats(): MeshStats;
}

/** The numbers of one moment. */
export interface MeshSnapshot {
  readonly state: PodState;
  readonly links: readonly LinkInfo[];
  readonly stats: MeshStats;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

const STATES: readonly PodState[] = ['joining', 'ready', 'draining'];

/** Metrics of a mesh. Those of links carry the name of the other pod. */
export const MESH_INSTRUMENTS: readonly PromInstrument<MeshSnapshot>[] = [
  {
    promName: 'state',
    kind: 'level',
    help: 'What the pod is up to: 1 for the state that it is in.',
    labels: ['state'],
    read: ({ state }) => STATES.map((one): Sample => [{ state: one }, one === state ? 1 : 0]),
  },
  level('links', 'Links to other pods now.', ({ links }) => links),
  sum('linked_total', 'Links to other pods that came about.', ({ linked }) => linked),
  sum('unlinked_total', 'Links to other pods that ended.', ({ unlinked }) => unlinked),
  sum('dial_failures_total', 'Attempts to reach another pod that failed.', ({ dialFailures }) => dialFailures),
  sum('refused_links_total', 'Links of others that were refused for want of proof.', ({ refused }) => refused),
  sum('sent_events_total', 'Events of this pod that were sent, once for each link.', ({ sent }) => sent),
  sum('received_events_total', 'Events of other pods that came over their own links.', ({ received }) => received),
  sum('sent_bytes_total', 'Bytes of messages that were sent to other pods.', ({ bytesSent }) => bytesSent),
  sum('received_bytes_total', 'Bytes of messages that came from other pods.', ({ bytesReceived }) => bytesReceived),
  sum('slow_peer_waits_total', 'Times that a pod was too slow for what was to be sent.', ({ slow }) => slow),
  level('held_back_events', 'Events that wait now for one before them.', ({ heldBack }) => heldBack),
  level('lacking_origins', 'Runs of pods of which events are lacking now.', ({ lacking }) => lacking),
  sum('repairs_total', 'Questions to other pods for events that were lacking.', ({ repairs }) => repairs),
  sum('lost_events_total', 'Events that no pod holds any more, and that this one never got.', ({ lost }) => lost),
  level(
    'waiting_publishers',
    'Publishers that wait now for other pods to acknowledge.',
    ({ publishing }) => publishing,
  ),
  sum(
    'unacknowledged_events_total',
    'Events whose acknowledgements did not come in time.',
    ({ unacknowledged }) => unacknowledged,
  ),
  perLink('link_round_trip_seconds', 'Time of the last ping to a pod and back.', ({ roundTrip }) =>
    roundTrip === undefined ? undefined : roundTrip / 1000,
  ),
  perLink('link_behind_events', 'Events of this pod that another has not acknowledged.', ({ behind }) => behind),
  perLink('link_age_seconds', 'Time since the link to a pod was opened.', ({ age }) => age / 1000),
];

function level(promName: string, help: string, read: (stats: MeshStats) => number): PromInstrument<MeshSnapshot> {
  return { promName, kind: 'level', help, labels: [], read: ({ stats }) => [[{}, read(stats)]] };
}

function sum(promName: string, help: string, read: (stats: MeshStats) => number): PromInstrument<MeshSnapshot> {
  return { promName, kind: 'sum', help, labels: [], read: ({ stats }) => [[{}, read(stats)]] };
}

function perLink(
  promName: string,
  help: string,
  read: (link: LinkInfo) => number | undefined,
): PromInstrument<MeshSnapshot> {
  return {
    promName,
    kind: 'level',
    help,
    labels: ['peer'],
    *read({ links }) {
      for (const link of links) {
        const value = read(link);
        if (value !== undefined) yield [{ peer: link.name }, value];
      }
    },
  };
}
