import { Mesh } from '../../src/mesh/mesh.js';
import type { MeshOptions } from '../../src/mesh/options.js';
import type { MeshTimes } from '../../src/mesh/times.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from './listed-peers.js';

/** Short periods: no test waits for one but to start alone. */
export const TIMES: Partial<MeshTimes> = { spread: 10, retry: 20, maxRetry: 100, aloneAfter: 50, haveDelay: 5 };

/** Pods in this process that all know of one another. */
export class Pods implements AsyncDisposable {
  readonly meshes: Mesh[] = [];
  readonly #finder = new ListedPeers();

  /** Starts a pod, and waits until it serves. */
  async add(options: Partial<MeshOptions> = {}): Promise<Mesh> {
    const { mesh, ready } = await this.begin(options);
    await ready;
    return mesh;
  }

  /** Starts a pod, and waits until others can reach it. */
  async begin(options: Partial<MeshOptions> = {}): Promise<{ readonly mesh: Mesh; readonly ready: Promise<void> }> {
    const name = `pod-${this.meshes.length}`;
    const mesh = new Mesh(new EventLog(), {
      finder: this.#finder,
      host: '127.0.0.1',
      port: 0,
      name,
      times: TIMES,
      ...options,
    });
    this.meshes.push(mesh);
    const ready = mesh.start();
    // Its port is known once it listens, which is before it looks for peers.
    while (mesh.port === 0) await new Promise((resolve) => setImmediate(resolve));
    this.tell();
    // Whoever does not wait for it is not to hear of its end.
    ready.catch(() => {});
    return { mesh, ready };
  }

  tell(): void {
    this.#finder.set(...this.meshes.map(({ port }) => port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.meshes.map(async (mesh) => await mesh.close()));
    for (const { log } of this.meshes) log.close();
  }
}

/** Waits until something is so; the time-out of the test ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
