import { startCluster, type Cluster, type ClusterPod } from '../../../../src/testing/index.js';
import { isAlive } from '../cluster.js';

/** Milliseconds between looks at which pods there are. */
const LOOK = 50;

/** The pods of an embedded cluster, which find one another through its API server. */
export class ClusterPods implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Starts three pods of `trunkline serve` with these flags; settles when they are ready. */
  static async start(flags: readonly string[]): Promise<ClusterPods> {
    const cluster = await startCluster({ pods: 3, serve: { args: flags }, readyTimeout: 60_000 });
    return new ClusterPods(cluster);
  }

  get names(): readonly string[] {
    return this.#cluster.pods.map(({ name }) => name);
  }

  /** Base URLs of the pods, whether or not they are ready. */
  get urls(): readonly string[] {
    return this.#cluster.pods.map((pod) => urlOf(pod));
  }

  /** Calls back now, and whenever there are other pods. */
  onURLs(changed: (urls: readonly string[]) => void): void {
    let last = '';
    const look = (): void => {
      const { urls } = this;
      if (String(urls) === last) return;
      last = String(urls);
      changed(urls);
    };
    look();
    this.#timers.push(setInterval(look, LOOK));
  }

  /** Kills a pod with SIGKILL; settles when it is gone, before it is back. */
  async kill(name: string): Promise<void> {
    await this.#cluster.kill(name);
  }

  /** Settles when all pods are ready. */
  async allReady(): Promise<void> {
    while (this.#cluster.pods.length < 3 || !this.#cluster.pods.every(({ ready }) => ready)) {
      await pause();
    }
  }

  /**
   * Deletes a pod, which gets SIGTERM, while another one is started in its place. Settles when the one is gone and the
   * other ready, with the milliseconds until the one was gone.
   */
  async replace(name: string, grace: number): Promise<number> {
    const pid = this.#cluster.pods.find((pod) => pod.name === name)?.pid ?? 0;
    const began = performance.now();
    const replaced = this.#cluster.replace(name, { grace });
    while (isAlive(pid)) await pause();
    const took = performance.now() - began;
    await replaced;
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#cluster.close();
  }
}

function urlOf({ events }: ClusterPod): string {
  return new URL(events).origin;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, LOOK);
  });
}
