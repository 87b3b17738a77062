import { once } from 'node:events';
import { deferred } from '../../src/clock/deferred.js';
import type { Peer, PeerFinder } from '../../src/mesh/discovery/types.js';
import { Mesh } from '../../src/mesh/mesh.js';
import type { Ack } from '../../src/mesh/node/acknowledgements.js';
import { EventLog } from '../../src/push/log/event-log.js';
import type { Framer } from '../../src/push/log/types.js';
import { hostAndPort, STREAM, type Bus } from './bus.js';

const HOST = '127.0.0.1';
/** Milliseconds between looks whether all links are there. */
const LOOK = 20;

/** Tells the port of its pod as soon as that is asked for peers, and of peers once it is told of them. */
class LateFinder implements PeerFinder {
  readonly #asked = deferred<void>();
  readonly #peers = deferred<readonly Peer[]>();

  /** Settles when the pod listens. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  tell(peers: readonly Peer[]): void {
    this.#peers.resolve(peers);
  }

  async *peers({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<readonly Peer[], void, undefined> {
    this.#asked.resolve();
    yield await this.#peers.promise;
    if (signal !== undefined && !signal.aborted) await once(signal, 'abort');
  }
}

interface Pod {
  readonly mesh: Mesh;
  readonly finder: LateFinder;
  readonly started: Promise<void>;
}

/** What a transport makes of events: here nothing but their data. */
const DATA: Framer<readonly string[]> = {
  event: ({ data }) => [data],
  gap: () => {
    throw new Error('a pod was overtaken');
  },
  batch: (frames) => (frames.length === 1 ? (frames[0] ?? []) : frames.flat()),
  size: (data) => data.reduce((sum, { length }) => sum + length, 0),
};

/** Ours: a mesh and a log per pod, with their defaults. Who follows does so as a transport for clients does. */
export async function meshBus(count: number, ack: Ack | undefined): Promise<Bus> {
  const options = ack === undefined ? {} : { ack };
  const pods = Array.from({ length: count }, (_, i): Pod => {
    const finder = new LateFinder();
    const mesh = new Mesh(new EventLog(), { finder, host: HOST, port: 0, name: `bench-${process.pid}-${i}` });
    return { mesh, finder, started: mesh.start() };
  });
  await Promise.all(pods.map(({ finder, started }) => Promise.race([finder.asked, started])));
  return {
    addresses: pods.map(({ mesh }) => `${HOST}:${mesh.port}`),
    async join(addresses) {
      for (const { mesh, finder } of pods) {
        finder.tell(addresses.map(hostAndPort).map((peer) => ({ ...peer, self: peer.port === mesh.port })));
      }
      await Promise.all(pods.map(({ started }) => started));
      const linked = ({ mesh }: Pod): boolean =>
        mesh.links.filter(({ state }) => state === 'ready').length >= addresses.length - 1;
      // Before that, publishing settles at once: a loop of it would let nothing else happen.
      while (!pods.every(linked)) {
        await new Promise((resolve) => setTimeout(resolve, LOOK));
      }
    },
    async publish(data) {
      await pods[0]?.mesh.publish(STREAM, data, options);
    },
    follow(heard) {
      for (const [pod, { mesh }] of pods.entries()) {
        const follower = mesh.log.follow({ streams: STREAM, framer: DATA, transport: 'bench', onReady: () => serve() });
        const serve = (): void => {
          for (let slice = follower.pull(); slice !== undefined; slice = follower.pull()) {
            for (const data of slice.payload) heard(pod, data);
          }
        };
        serve();
      }
    },
  };
}
