import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { listen } from '../apiserver/listen.js';

/** Where a pod listens. */
export interface PodAddress {
  readonly ip: string;
  readonly port: number;
}

/** Addresses of a cluster's pods. */
export interface PodNetwork {
  /** The address of the pod with this index, from 0. */
  address(index: number): Promise<PodAddress>;
  /** Gives the addresses back. */
  close(): Promise<void>;
}

/** Port of all pods that have an address of their own. */
const POD_PORT = 8000;
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
    return {
      address: (index) => Promise.resolve({ ip: `${prefix}.${FIRST_HOST + index}`, port: POD_PORT }),
      close: () => closeServer(lock),
    };
  }
  throw new Error(`no free network among ${ATTEMPTS} tried in 127.0.0.0/8`);
}

function sharedAddress(): PodNetwork {
  return {
    async address() {
      const probe = createServer();
      const { address, port } = await listen(probe, '127.0.0.1', 0);
      await closeServer(probe);
      return { ip: address, port };
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
