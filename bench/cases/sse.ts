import { against } from './runs.js';
import type { Case, FanOutRun, Figure, Reference } from './types.js';

/** Until V8 has compiled all that a delivery needs. */
const WARMUP = 1000;
const COUNTS = [1000, 5000] as const;
const MANY = 5000;
/** Deliveries per second of a paced load, to all clients together. */
const PACE = 20_000;
const BURST = 10;

type Server = Pick<FanOutRun, 'name' | 'peer' | 'protocol' | 'args'>;
type Load = Pick<FanOutRun, 'clients' | 'load'> & Partial<Pick<FanOutRun, 'interval' | 'stalled'>> & { burst?: number };

const trunkline: Server = { name: 'sseHandler', peer: 'node', protocol: 'sse', args: ['push'] };
const direct: Server = { name: 'socket.write', peer: 'node', protocol: 'sse', args: ['direct'] };
const response: Server = { name: 'res.write', peer: 'node', protocol: 'sse', args: ['response'] };
const betterSse: Server = { name: 'better-sse', peer: 'node', protocol: 'sse', args: ['better-sse'] };
const goServer: Server = { name: 'Go net/http', peer: 'go', protocol: 'sse', args: ['sse'] };
const nats: Server = { name: 'nats-server', peer: 'go', protocol: 'nats', args: ['nats'] };
const floor: Server = { name: 'C floor', peer: 'c', protocol: 'sse', args: [] };

function run({ name, args, ...server }: Server, { burst = 1, interval = 0, stalled = 0, ...load }: Load): FanOutRun {
  const words = [load.load, burst > 1 ? `bursts of ${burst}` : '', `${load.clients} clients`];
  if (stalled > 0) words.push(`${stalled} stalled`);
  return {
    ...server,
    ...load,
    kind: 'fan-out',
    name: `${name}, ${words.filter((word) => word !== '').join(', ')}`,
    args: [...args, '--size', '200', '--burst', String(burst)],
    interval,
    stalled,
    warmup: WARMUP,
  };
}

/** Ours under this load, and each of these beside it. */
function fanOut(
  load: Load,
  ...others: readonly [Server, ...(readonly [string, 'rate' | 'cpu', number][])][]
): Pick<Case, 'run' | 'references'> {
  return {
    run: run(trunkline, load),
    references: others.map(([server, ...targets]) => against(run(server, load), ...targets)),
  };
}

function saturated(clients: number): Case {
  return {
    name: `sse-saturated-${clients}`,
    title: `Server-Sent Events to ${clients} clients, one event per tick, as fast as possible`,
    unit: 'deliveries',
    metrics: ['rate', 'cpu', 'p50', 'p99'],
    ...fanOut(
      { clients, load: 'saturated' },
      [betterSse, ['T10', 'rate', 1.9]],
      [response],
      [direct],
      [goServer],
      [nats],
      [floor],
    ),
  };
}

function paceOf(clients: number): Load {
  return { clients, load: 'paced', interval: (clients * 1000) / PACE };
}

/** The CPU ratio is the floor's CPU per delivery over ours: 0.8 is 1.25 times the floor. */
function paced(clients: number): Case {
  return {
    name: `sse-paced-${clients}`,
    title: `Server-Sent Events to ${clients} clients, ${PACE / clients} events/s`,
    unit: 'deliveries',
    metrics: ['cpu', 'p50', 'p99'],
    ...fanOut(paceOf(clients), [floor, ['T10', 'cpu', 0.8]], [direct], [response], [betterSse], [goServer], [nats]),
  };
}

/** better-sse stands there twice: sent the same bursts, which Node writes as one, and an event per tick as in T10. */
function bursts(clients: number): Case {
  const { run: ours, references } = fanOut(
    { clients, load: 'saturated', burst: BURST },
    [betterSse, ['T11', 'rate', 15]],
    [nats, ['T11', 'rate', 1]],
    [direct],
    [floor],
  );
  return {
    name: `sse-bursts-${clients}`,
    title: `Server-Sent Events to ${clients} clients, ${BURST} events per tick, as fast as possible`,
    unit: 'deliveries',
    metrics: ['rate', 'cpu', 'p50', 'p99'],
    run: ours,
    references: [...references, against(run(betterSse, { clients, load: 'saturated' }), ['T11', 'rate', 15])],
  };
}

const IDLE: Load = { clients: MANY, load: 'idle' };
const MEMORY: Figure = { kind: 'figure', name: '14 KB', metric: 'memory', value: 14_000 };

/** Targets T10 to T12. */
export const SSE_CASES: readonly Case[] = [
  ...COUNTS.map(saturated),
  ...COUNTS.map(paced),
  ...COUNTS.map(bursts),
  {
    name: 'sse-idle',
    title: `resident memory of a server per idle client, between ${COUNTS.join(' and ')} clients`,
    unit: 'clients',
    metrics: ['memory'],
    run: run(trunkline, IDLE),
    references: [
      against(MEMORY, ['T12', 'memory', 1]),
      ...[betterSse, response, direct, goServer, nats].map((server): Reference => against(run(server, IDLE))),
    ],
  },
  {
    name: 'sse-stalled',
    title: `Server-Sent Events to ${MANY} clients and one that has stalled, ${PACE / MANY} events/s, against the same without it`,
    unit: 'deliveries',
    metrics: ['cpu', 'p50', 'p99'],
    run: run(trunkline, { ...paceOf(MANY), stalled: 1 }),
    references: [against(run(trunkline, paceOf(MANY)))],
  },
];
