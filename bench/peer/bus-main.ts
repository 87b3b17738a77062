// Pods of the broadcast benchmark in Node, one or several in this process:
//
//   node bus-main.js <bus> --pods N --size BYTES --in-flight N --interval MS
//
// It prints {"addrs":[…]}, one per pod, when they listen. It reads commands from stdin, answers each with one line of
// JSON, and ends when stdin does. bench/go/bus does the same.
//
//   join ADDRESS,…          makes the pods go with those at all these addresses, their own among them; prints {}
//   publish WARMUP WINDOW   publishes from now on, on the first pod: so many in flight, or, with an interval, that for
//                           WARMUP milliseconds, and then, half a second later, an event per interval. Counts events and
//                           CPU time for WINDOW milliseconds from then on
//   follow WARMUP WINDOW    counts what arrives, over all pods and of the pod that got the fewest, and how long it took
//
// An event begins with the stamp that whoever follows reads: @ and sixteen digits, microseconds of the monotonic clock.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Listener, publishAndMeasure } from './bus-load.js';
import { linkBus } from './bus-link.js';
import { meshBus } from './bus-mesh.js';
import { postBus } from './bus-post.js';
import type { Bus } from './bus.js';

const BUSES: Readonly<Record<string, (pods: number) => Promise<Bus>>> = {
  mesh: (pods) => meshBus(pods, undefined),
  'mesh-all': (pods) => meshBus(pods, 'all'),

  post: () => postBus(Infinity),
  'post-in-order': () => postBus(1),
  link: () => linkBus(),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pods: { type: 'string', default: '1' },
    size: { type: 'string', default: '200' },
    'in-flight': { type: 'string', default: '64' },
    interval: { type: 'string', default: '0' },
  },
});
const create = BUSES[positionals[0] ?? ''];
if (create === undefined) throw new Error(`unknown bus: ${positionals[0]}`);
const load = { size: Number(values.size), inFlight: Number(values['in-flight']), interval: Number(values.interval) };
const bus = await create(Number(values.pods));

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function obey(line: string): Promise<unknown> {
  const [command, ...rest] = line.split(' ');
  const [warmup = 0, window = 0] = rest.map(Number);
  if (command === 'publish') return await publishAndMeasure(bus, load, warmup, window);
  if (command === 'follow') return await new Listener(bus).measure(warmup, window, load.interval > 0);
  if (command !== 'join') throw new Error(`unknown command: ${line}`);
  await bus.join(rest[0]?.split(',') ?? []);
  return {};
}

print({ addrs: bus.addresses });
for await (const line of createInterface({ input: process.stdin })) print(await obey(line));
process.exit(0);
