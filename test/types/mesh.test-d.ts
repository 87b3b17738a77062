// Compiled by `npm run check:types` and never run: what the public types of `trunkline/mesh` promise.
import {
  DnsPeerFinder,
  LocalhostPeerFinder,
  Mesh,
  PodNotReadyError,
  StaticPeerFinder,
  type Bus,
  type LinkInfo,
  type Peer,
  type PeerFinder,
  type Presence,
  type Published,
} from '../../src/mesh/index.js';
import { EndpointSlicePeerFinder, PodPeerFinder } from '../../src/kubernetes/index.js';
import { EventLog } from '../../src/push/index.js';

const log = new EventLog();
const finders: readonly PeerFinder[] = [
  new StaticPeerFinder(['10.0.0.1', '[fd00::1]:7000']),
  new LocalhostPeerFinder(),
  new DnsPeerFinder('pods.default.svc'),
  new PodPeerFinder({ labelSelector: 'app=web' }),
  new EndpointSlicePeerFinder({ service: 'web' }),
];
const own: PeerFinder = {
  async *peers({ signal } = {}): AsyncGenerator<readonly Peer[]> {
    signal?.throwIfAborted();
    yield [{ host: '10.0.0.1', self: true }];
  },
};

export async function useMesh(): Promise<Presence> {
  await using mesh = new Mesh(log, { finder: finders[0] ?? own, secret: 'sixteen bytes of it' });
  const bus: Bus = mesh;
  await bus.start({ signal: AbortSignal.timeout(1_000) });
  const { event, acks }: Published = await mesh.publish('a', { any: 'thing' }, { ack: 'all', key: 'k', type: 't' });
  const n: number = event.n + acks;
  const [link]: LinkInfo[] = mesh.links;
  const roundTrip: number | undefined = link?.roundTrip;
  try {
    // @ts-expect-error there is no such acknowledgement
    await mesh.publish('a', 1, { ack: 'two' });
  } catch (error) {
    if (error instanceof PodNotReadyError) {
      const state: 'joining' | 'ready' | 'draining' | 'closed' = error.state;
      console.log(state, n, roundTrip);
    }
  }
  const result: 'handed-over' | 'alone' | 'timeout' = await mesh.drain({ timeout: 1_000 });
  console.log(result);
  return await mesh.presence();
}

/** A mesh of a log whose streams are declared. */
export async function useTypes(): Promise<void> {
  const typed = new EventLog<{ orders: { placed: { id: number } }; news: { message: string } }>();
  const mesh = new Mesh(typed, { finder: own });
  const { event } = await mesh.publish('orders', { id: 7 }, { type: 'placed', ack: 'all' });
  const id: number = event.json().id;
  console.log(id, await mesh.publish('news', 'text'));
  // @ts-expect-error there is no such stream
  await mesh.publish('order', { id: 7 }, { type: 'placed' });
  // @ts-expect-error the type has to be said
  await mesh.publish('orders', { id: 7 });
  // @ts-expect-error that is no order
  await mesh.publish('orders', { id: '7' }, { type: 'placed' });
}

// @ts-expect-error a mesh needs a finder
export const without: Mesh = new Mesh(log, {});
// @ts-expect-error peers say whether they are the pod itself
const peer: Peer = { host: '10.0.0.1' };
console.log(peer);
