// A server of the fan-out benchmark in Node:
//
//   node --expose-gc sse-main.js <server> --size BYTES --burst EVENTS --interval MS
//
// It prints {"addr":…} when it listens. It reads commands from stdin, answers each with one line of JSON, and ends when
// stdin does. bench/c/server.c and bench/go/fanout do the same.
//
//   memory                           collects garbage, and prints the resident bytes of the process
//   broadcast WARMUP SETTLE WINDOW   broadcasts from now on: one tick after the other, or, with an interval, that for
//                                    WARMUP milliseconds, and from WARMUP + SETTLE on a tick per interval. Counts
//                                    deliveries and CPU time for WINDOW milliseconds from WARMUP + SETTLE on
//
// Each tick sends --burst events, whose data begin with the stamp that the client reads: @ and sixteen digits,
// microseconds of the monotonic clock.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { betterSseServer } from './sse-better-sse.js';
import { directServer } from './sse-direct.js';
import { Pace } from './sse-pace.js';
import { pushServer } from './sse-push.js';
import { responseServer } from './sse-response.js';
import type { SseServer } from './sse-server.js';
import { listen } from './wire.js';

const SERVERS: Readonly<Record<string, () => SseServer>> = {
  push: pushServer,
  direct: directServer,
  response: responseServer,
  'better-sse': betterSseServer,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '200' },
    burst: { type: 'string', default: '1' },
    interval: { type: 'string', default: '0' },
  },
});
const create = SERVERS[positionals[0] ?? ''];
if (create === undefined) throw new Error(`unknown server: ${positionals[0]}`);
const sse = create();
const server = createServer(sse.handler);
const pace = new Pace(sse, {
  size: Number(values.size),
  burst: Number(values.burst),
  interval: Number(values.interval),
});

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Twice, because the first collection only lets finalizers and native memory go. */
async function residentBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run this with --expose-gc');
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await sleep(50);
  }
  return process.memoryUsage.rss();
}

async function obey(line: string): Promise<void> {
  const [command, ...times] = line.split(' ');
  const [warmup = 0, settle = 0, window = 0] = times.map(Number);
  if (command === 'memory') print({ rss: await residentBytes() });
  else if (command === 'broadcast') print(await pace.measure(warmup, settle, window));
  else throw new Error(`unknown command: ${line}`);
}

print({ addr: await listen(server) });
for await (const line of createInterface({ input: process.stdin })) await obey(line);
process.exit(0);
