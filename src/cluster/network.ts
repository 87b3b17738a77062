import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { listen } from '../apiserver/listen.js';
import { deferred, type Deferred } from '../clock/deferred.js';

/** Where a pod listens. */
export interface PodAddress {
  readonly ip: string;
  /** For clients. */
  readonly port: number;
  /** For the other pods. */
  readonly internalPort: number;
}

/** Addresses of a cluster's pods. */
export interface PodNetwork {
  /** An address that no pod has; waits for one if all are taken. Rejects once the network is closed. */
  allocate(): Promise<PodAddress>;
  /** Takes an address back, of which no process is left. */
  release(address: PodAddress): void;
  close(): Promise<void>;
}

/** Ports of all pods that have an address of their own. */
const POD_PORT = 8000;
const INTERNAL_PORT = 7000;
/** Port on which a cluster holds the first address of its network, so that no other cluster takes it. */
const LOCK_PORT = 7999;
const FIRST_HOST = 2;
/** Addresses .2 to .254. */
export const MAX_PODS = 253;
const ATTEMPTS = 64;

/**
 * Takes a 127.x.y.0/24 that no other cluster on this machine has. Where only 127.0.0.1 exists, as on macOS, the pods
 * share it and have ports of their own instead.
 *
 * @param random A whole number from `low` to below `high`.
 */
export async function takeNetwork(random: (low: number, high: number) => number = randomInt): Promise<PodNetwork> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // 127.0.y.z is where other programs' fixed addresses are.
    const prefix = `127.${random(1, 255)}.${random(0, 256)}`;
    const lock = createServer((socket) => socket.destroy()).unref();
    try {
      await listen(lock, `${prefix}.1`, LOCK_PORT);
    } catch (error) {
      if (codeOf(error) === 'EADDRNOTAVAIL') return sharedAddress();
      if (codeOf(error) === 'EADDRINUSE') continue;
      throw error;
    }
    return new AddressRange(prefix, lock);
  }
  throw new Error(`no free network among ${ATTEMPTS} tried in 127.0.0.0/8`);
}

/** Hands out the addresses of a network in turn, so that a new pod is not taken for the one that ended last. */
class AddressRange implements PodNetwork {
  readonly #prefix: string;
  readonly #lock: Server;
  readonly #taken = new Set<number>();
  readonly #waiting: Deferred<void>[] = [];
  #last = MAX_PODS - 1;
  #closed = false;

  constructor(prefix: string, lock: Server) {
    this.#prefix = prefix;
    this.#lock = lock;
  }

  async allocate(): Promise<PodAddress> {
    while (!this.#closed && this.#taken.size === MAX_PODS) {
      const freed = deferred<void>();
      this.#waiting.push(freed);
      await freed.promise;
    }
    if (this.#closed) throw new Error('the network is closed');
    do this.#last = (this.#last + 1) % MAX_PODS;
    while (this.#taken.has(this.#last));
    this.#taken.add(this.#last);
    return { ip: `${this.#prefix}.${FIRST_HOST + this.#last}`, port: POD_PORT, internalPort: INTERNAL_PORT };
  }

  release({ ip }: PodAddress): void {
    this.#taken.delete(Number(ip.slice(this.#prefix.length + 1)) - FIRST_HOST);
    this.#waiting.shift()?.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting) waiting.resolve();
    return closeServer(this.#lock);
  }
}

/** All pods have 127.0.0.1, and two ports of their own that are free now. */
export function sharedAddress(): PodNetwork {
  const taken = new Set<number>();
  const freePort = async (): Promise<number> => {
    for (;;) {
      const probe = createServer();
      const { port } = await listen(probe, '127.0.0.1', 0);
      await closeServer(probe);
      // The system may offer the same one again before the pod that has it listens.
      if (taken.has(port)) continue;
      taken.add(port);
      return port;
    }
  };
  return {
    allocate: async () => ({ ip: '127.0.0.1', port: await freePort(), internalPort: await freePort() }),
    release({ port, internalPort }) {
      taken.delete(port);
      taken.delete(internalPort);
    },
    close: () => Promise.resolve(),
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
