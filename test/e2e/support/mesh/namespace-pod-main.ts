// A pod in a network namespace of its own, told by its parent what to do. Its end of the cable is there when it is told to
// start.
import { execFileSync } from 'node:child_process';
import { Mesh } from '../../../../src/mesh/mesh.js';
import { EventLog } from '../../../../src/push/index.js';
import { Received, SHORT_TIMES } from './faulty-mesh.js';

/** What the parent says. */
export type PodOrder =
  | { readonly kind: 'start'; readonly name: string; readonly address: string; readonly peers: readonly string[] }
  | { readonly kind: 'publish'; readonly texts: readonly string[] }
  | { readonly kind: 'report' };

/** What the pod answers. */
export interface PodReport {
  readonly links: readonly string[];
  readonly state: string;
  readonly size: number;
  readonly complaints: readonly string[];
}

let mesh: Mesh | undefined;
let received: Received | undefined;

process.on('message', (order: PodOrder) => {
  if (order.kind === 'start') start(order);
  else if (order.kind === 'publish') for (const text of order.texts) mesh?.log.publish('news', text);
  process.send?.({
    links: mesh?.links.map(({ name }) => name) ?? [],
    state: mesh?.state ?? 'joining',
    size: received?.size ?? 0,
    complaints: received?.complaints ?? [],
  } satisfies PodReport);
});
process.on('disconnect', () => process.exit());

function start({ name, address, peers }: Extract<PodOrder, { kind: 'start' }>): void {
  const ip = (...args: readonly string[]): void => void execFileSync('ip', args);
  ip('link', 'set', 'lo', 'up');
  ip('addr', 'add', `${address}/24`, 'dev', 'eth0');
  ip('link', 'set', 'eth0', 'up');
  const log = new EventLog();
  received = new Received(log, 'news');
  const finder = {
    async *peers({ signal }: { readonly signal?: AbortSignal } = {}) {
      yield peers.map((host) => ({ host, self: false }));
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
  mesh = new Mesh(log, { finder, name, host: address, port: 7000, times: SHORT_TIMES, compatible: false });
  void mesh.start();
}
