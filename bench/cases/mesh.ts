import { against } from './runs.js';
import type { BroadcastRun, Case, Figure } from './types.js';

/** Until V8 has compiled all that an event needs. Pods run for days, and much of it is not called for each event. */
const WARMUP = 4000;
/** With many pods there are fewer events. */
const LONG_WARMUP = 8000;
const SIZE = 200;
const IN_FLIGHT = 64;
/** Milliseconds between events: 500 a second. */
const PACE = 2;
const PEERS = [2, 5, 10, 20, 50] as const;

type Bus = Pick<BroadcastRun, 'name' | 'peer' | 'args'>;
type Shape = Partial<Pick<BroadcastRun, 'peers' | 'together' | 'counted' | 'interval'>>;

const trunkline: Bus = { name: 'Mesh', peer: 'node', args: ['mesh'] };
const acknowledgedByAll: Bus = { name: 'Mesh, acknowledged by all', peer: 'node', args: ['mesh-all'] };
const post: Bus = { name: 'POST per event and peer', peer: 'node', args: ['post'] };
const postInOrder: Bus = { name: 'POST per event and peer, in order', peer: 'node', args: ['post-in-order'] };
const bareLink: Bus = { name: 'bare link', peer: 'node', args: ['link'] };
const nats: Bus = { name: 'nats-server', peer: 'go', args: ['core'] };
const jetStream: Bus = { name: 'nats-server, JetStream', peer: 'go', args: ['jetstream'] };

function run(bus: Bus, shape: Shape = {}): BroadcastRun {
  const { peers = 2, together = false, counted = 'events', interval = 0 } = shape;
  const load = interval > 0 ? `${1000 / interval} events/s` : `${IN_FLIGHT} in flight`;
  return {
    ...bus,
    kind: 'broadcast',
    name: `${bus.name}, ${load}, ${peers} peers${together ? ' in one process' : ''}`,
    peers,
    together,
    counted,
    interval,
    size: SIZE,
    inFlight: IN_FLIGHT,
    warmup: together ? LONG_WARMUP : WARMUP,
  };
}

/** CPU of the pod that publishes: so many events, or deliveries, per second of it. */
function cpuPer(what: 'event' | 'delivery', microseconds: number): Figure {
  return { kind: 'figure', name: `${microseconds} µs per ${what}`, metric: 'cpu', value: 1e6 / microseconds };
}

function withPeers(peers: number): Case {
  const shape = (count: number): Shape => ({ peers: count, together: true, counted: 'deliveries' });
  const [fewest] = PEERS;
  return {
    name: `mesh-peers-${peers}`,
    title: `events from one pod to ${peers} others, ${IN_FLIGHT} in flight, per event and peer`,
    unit: 'deliveries',
    metrics: ['rate', 'cpu', 'peer-cpu'],
    run: run(acknowledgedByAll, shape(peers)),
    references: [
      against(cpuPer('delivery', 6), ['T14', 'cpu', 1]),
      ...(peers === fewest ? [] : [against(run(acknowledgedByAll, shape(fewest)), ['T14', 'cpu', 1])]),
    ],
  };
}

/** Targets T13 and T14. */
export const MESH_CASES: readonly Case[] = [
  {
    name: 'mesh-saturated',
    title: `events from one pod to two others, ${IN_FLIGHT} in flight`,
    unit: 'events',
    metrics: ['rate', 'cpu', 'peer-cpu', 'p50', 'p99'],
    run: run(trunkline),
    references: [
      against(run(post), ['T13', 'rate', 15]),
      against(cpuPer('event', 10), ['T13', 'cpu', 1]),
      against(run(postInOrder)),
      against(run(bareLink)),
      against(run(nats)),
      against(run(jetStream)),
    ],
  },
  {
    name: 'mesh-saturated-all',
    title: `events from one pod to two others, ${IN_FLIGHT} in flight, acknowledged by both`,
    unit: 'events',
    metrics: ['rate', 'cpu', 'peer-cpu', 'p50', 'p99'],
    run: run(acknowledgedByAll),
    references: [against(run(post), ['T13', 'rate', 15]), against(cpuPer('event', 10), ['T13', 'cpu', 1])],
  },
  {
    name: 'mesh-paced',
    title: `events from one pod to two others, ${1000 / PACE} a second`,
    unit: 'events',
    metrics: ['cpu', 'peer-cpu', 'p50', 'p99'],
    run: run(trunkline, { interval: PACE }),
    references: [
      against(run(post, { interval: PACE }), ['T13', 'p50', 2]),
      against(run(bareLink, { interval: PACE })),
      against(run(nats, { interval: PACE })),
      against(run(jetStream, { interval: PACE })),
    ],
  },
  ...PEERS.map(withPeers),
];
