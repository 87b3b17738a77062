import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../clock/clock.js';
import { deferred } from '../clock/deferred.js';
import type { PodIdentity } from './environment.js';
import { randomSuffix, templateHash } from './names.js';
import type { PodNetwork } from './network.js';
import { LocalPod, type LocalPodOptions } from './pod.js';
import type { LocalPodRuntime } from './runtime.js';
import type { Workload } from './workload.js';

/** What a {@link ReplicaSet} keeps, and with what. */
export interface ReplicaSetOptions {
  /** Number of pods. */
  readonly replicas: number;
  readonly workload: Workload;
  readonly namespace: string;
  readonly clusterId: string;
  /** Holds the pods' own directories. */
  readonly directory: string;
  readonly kubeconfig: string;
  readonly network: PodNetwork;
  readonly runtime: LocalPodRuntime;
  readonly pod: Omit<LocalPodOptions, 'command' | 'labels' | 'probe' | 'publish'>;
  readonly clock: Clock;
  /** Told why a replacement could not be made yet; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** What becomes of a pod that is deleted. */
export interface Replacement {
  /** Settles when nothing is left of the pod. */
  readonly gone: Promise<void>;
  /** The pod in its place, which need not be ready; `undefined` when the set was closed before there was one. */
  readonly successor: Promise<LocalPod | undefined>;
}

/** Milliseconds until a replacement that could not be made is tried again. */
const RETRY_PAUSE = 1_000;

/**
 * Keeps a number of pods, as a ReplicaSet does: one that is deleted is replaced at once by a new one with a name, a uid and
 * an address of its own, while the old one still ends. An address is free again when nothing is left of its pod.
 */
export class ReplicaSet {
  readonly #options: ReplicaSetOptions;
  readonly #hash: string;
  /** In order; what takes the place of a pod takes its slot. */
  readonly #slots: (LocalPod | undefined)[] = [];
  /** All pods of which something may be left. */
  readonly #all = new Set<LocalPod>();
  readonly #gone = new WeakMap<LocalPod, Promise<void>>();
  readonly #closing = deferred<void>();
  readonly #replacements = new WeakMap<LocalPod, Replacement>();
  #closed = false;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    this.#hash = templateHash(options.workload.command);
    options.runtime.onDelete = (pod, grace) => void this.delete(pod, grace);
  }

  /** The pods that are not being deleted. */
  get pods(): readonly LocalPod[] {
    return this.#slots.filter((pod) => pod !== undefined && !pod.ending) as readonly LocalPod[];
  }

  /** Starts the pods' processes; stops half-way once the set is closed. */
  async start(): Promise<void> {
    const pods: LocalPod[] = [];
    for (let slot = 0; slot < this.#options.replicas; slot++) {
      const pod = await this.#create(slot);
      if (pod === undefined) return;
      pods.push(pod);
    }
    await Promise.all(pods.map((pod) => pod.start()));
  }

  /** Ends a pod, by force after `grace` milliseconds, and replaces it. Called again it can only shorten the time. */
  delete(pod: LocalPod, grace: number): Replacement {
    const known = this.#replacements.get(pod);
    const gone = this.#end(pod, grace);
    if (known !== undefined) return known;
    const successor = this.#closed ? Promise.resolve(undefined) : this.#replace(this.#slots.indexOf(pod));
    const replacement = { gone, successor };
    this.#replacements.set(pod, replacement);
    return replacement;
  }

  /** Kills all processes at once. */
  kill(): void {
    for (const pod of this.#all) pod.groups.kill();
  }

  /** Ends all pods, by force after `grace` milliseconds, and replaces none any more. */
  async close(grace: number): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await Promise.all([...this.#all].map((pod) => this.#end(pod, grace)));
  }

  #end(pod: LocalPod, grace: number): Promise<void> {
    const ended = pod.end(grace);
    const gone = this.#gone.get(pod) ?? ended.then(() => this.#forget(pod));
    this.#gone.set(pod, gone);
    return gone;
  }

  #forget(pod: LocalPod): void {
    this.#all.delete(pod);
    this.#options.runtime.remove(pod);
    this.#options.network.release(pod.identity);
  }

  async #replace(slot: number): Promise<LocalPod | undefined> {
    while (!this.#closed) {
      let pod: LocalPod | undefined;
      try {
        pod = await this.#create(slot);
        await pod?.start();
        return pod;
      } catch (error) {
        if (pod !== undefined) void this.#end(pod, 0);
        if (this.#closed) break;
        this.#options.onError(error);
        await this.#pause();
      }
    }
    return undefined;
  }

  async #pause(): Promise<void> {
    const over = deferred<void>();
    const timer = this.#options.clock.setTimeout(() => over.resolve(), RETRY_PAUSE);
    await Promise.race([over.promise, this.#closing.promise]);
    timer.cancel();
  }

  /** Makes a pod that is not started; `undefined` once the set is closed. */
  async #create(slot: number): Promise<LocalPod | undefined> {
    const { workload, network, runtime, namespace, clusterId, directory, kubeconfig } = this.#options;
    const address = await network.allocate();
    if (this.#closed) {
      network.release(address);
      return undefined;
    }
    const { app, command, probe } = workload;
    let name: string;
    do name = `${app}-${this.#hash}-${randomSuffix()}`;
    while (runtime.pods.get(namespace, name) !== undefined);
    const identity: PodIdentity = {
      ...address,
      name,
      namespace,
      uid: randomUUID(),
      directory: join(directory, name),
      kubeconfig,
      clusterId,
    };
    const pod = new LocalPod(identity, {
      ...this.#options.pod,
      command,
      probe,
      labels: { app, 'pod-template-hash': this.#hash },
      publish: (object) => runtime.pods.put(object),
    });
    this.#slots[slot] = pod;
    this.#all.add(pod);
    runtime.add(pod);
    return pod;
  }
}
