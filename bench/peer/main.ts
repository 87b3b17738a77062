// One end of a benchmark in Node. Same command line and same output as bench/go: the server prints {"addr":…} when it
// listens, and its result when its stdin ends; the client prints its result when its window is over.
import { setTimeout as sleep } from 'node:timers/promises';
import { execOver } from './exec.js';
import { http2 } from './http2.js';
import { libp2pYamux } from './libp2p-yamux.js';
import { parsePeerOptions } from './options.js';
import { raw } from './raw.js';
import { spdy } from './spdy.js';
import { Tally } from './tally.js';
import { webSocket } from './websocket.js';
import type { Wire } from './wire.js';
import { yamuxJs } from './yamux-js.js';
import { yamux, yamuxInWebSocket } from './yamux.js';

const WIRES: Readonly<Record<string, Wire>> = {
  raw,
  spdy,
  yamux,
  'yamux-websocket': yamuxInWebSocket,
  websocket: webSocket,
  http2,
  'libp2p-yamux': libp2pYamux,
  'yamux-js': yamuxJs,
  'exec-websocket': execOver('websocket'),
  'exec-spdy': execOver('spdy'),
};

const options = parsePeerOptions(process.argv.slice(2));
const wire = WIRES[options.wire];
if (wire === undefined) throw new Error(`unknown wire: ${options.wire}`);
const tally = new Tally(options.size);
const { warmup, window } = options;
const parentGone = new Promise<void>((resolve) => process.stdin.on('end', resolve).resume());

function print(value: unknown): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(value)}\n`, () => resolve()));
}

if (options.role === 'server') {
  let connected = (): void => {};
  const result = new Promise<void>((resolve) => (connected = resolve)).then(() => tally.measure(warmup, window));
  await print({ addr: await wire.serve(options, tally, () => connected()) });
  await parentGone;
  // Timers may run late, but a parent that is gone for good must not leave us behind.
  const late = sleep(window).then(() => Promise.reject(new Error('the window was cut short')));
  await print(await Promise.race([result, late]));
} else {
  void parentGone.then(() => process.exit(1));
  await wire.connect(options, tally);
  await print(await tally.measure(warmup, window));
}
process.exit(0);
