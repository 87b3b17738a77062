import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APIServer, type Pod } from '../apiserver/index.js';
import { systemClock, type Clock } from '../clock/clock.js';
import { within } from '../clock/deadline.js';
import { systemWallClock } from '../clock/wall.js';
import { Dashboard, type DashboardHost } from '../dashboard/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { clusterMark, DEFAULT_PATH } from './environment.js';
import { ProcessGuard } from './guard.js';
import { writeKubeconfig } from './kubeconfig.js';
import { lookUpCommand } from './lookup.js';
import { killMarked } from './marked-processes.js';
import { sharedAddress, takeNetwork, type PodNetwork } from './network.js';
import { checkOptions, workloadOf, type ClusterOptions } from './options.js';
import type { LocalPod } from './pod.js';
import { ReplicaSet } from './replica-set.js';
import { LocalPodRuntime } from './runtime.js';
import { servicesOf } from './services.js';
import type { Workload } from './workload.js';

/** A pod of a running cluster, at one moment. */
export interface ClusterPod {
  readonly name: string;
  readonly namespace: string;
  /** A loopback address of its own, where the system has several. */
  readonly ip: string;
  /** Port for clients that the pod's program is told to listen on, by `PORT`. */
  readonly port: number;
  /** Port for other pods, by `INTERNAL_PORT`. */
  readonly internalPort: number;
  /** Process id of the main process; `undefined` while it does not run. */
  readonly pid: number | undefined;
  readonly ready: boolean;
  /** Address of the pod's server-sent events. */
  readonly events: string;
}

/** How a pod is replaced. */
export interface ReplaceOptions {
  /** Milliseconds until force is used. */
  readonly grace?: number;
}

/** A running cluster. */
export interface Cluster extends AsyncDisposable {
  /** Address for `kubectl --server`. */
  readonly apiServer: string;
  /** Address of the dashboard. */
  readonly dashboard: string;
  /** File for `KUBECONFIG`. Only this user can read it, and it goes when the cluster does. */
  readonly kubeconfig: string;
  /** The pods that are not being deleted. */
  readonly pods: readonly ClusterPod[];
  /**
   * Sends a pod's processes a signal, SIGKILL by default. If that ends the main one, it is started again at once as the
   * same pod. Resolves when the signal is sent; after SIGKILL, when the process is over.
   *
   * @throws InvalidArgumentError when no pod has this name.
   */
  kill(pod: string, signal?: NodeJS.Signals): Promise<void>;
  /**
   * Deletes a pod: SIGTERM, and force after `grace` milliseconds, by default the cluster's `gracePeriod`. A new one with
   * another name and address is started at once. Resolves with it when it is ready, or its program has ended, and nothing
   * is left of the old one; with `undefined` when the cluster is closed before.
   *
   * @throws InvalidArgumentError when no pod has this name, or `grace` is no whole number from 0.
   */
  replace(pod: string, options?: ReplaceOptions): Promise<ClusterPod | undefined>;
  /** Stops everything and leaves no process behind. Never rejects. */
  close(): Promise<void>;
  /** Kills all processes at once, without waiting for anything. */
  killAll(): void;
}

const NAMESPACE = 'default';
/** Milliseconds that a pod is given to end, when nothing else is said; Kubernetes' own default. */
const GRACE_PERIOD = 30_000;
const REPLACE_NAMES: OptionNames<ReplaceOptions> = { grace: true };

/**
 * Starts a Kubernetes-style API server whose pods are local processes, and a dashboard. Resolves when all pods are ready,
 * or `readyTimeout` has passed, or a pod has ended. The number of pods stays: one that ends is started again, one that is
 * deleted is replaced. Commands given to exec run with the rights of this process, so all servers listen on loopback only
 * unless told otherwise. POSIX systems only.
 *
 * By default the pods are those of `trunkline serve`, linked to a mesh.
 *
 * `await using cluster = await startCluster({ pods: 2 })` stops it at the end of the block.
 *
 * @throws InvalidArgumentError for options out of range; CommandNotFoundError for a program that cannot be started; the
 * system's error when a port is in use (`EADDRINUSE`); the signal's reason.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const cluster = new LocalCluster(options, workloadOf(options));
  const stop = (): void => void cluster.close();
  options.signal?.addEventListener('abort', stop);
  try {
    await cluster.start();
    options.signal?.throwIfAborted();
  } catch (error) {
    await cluster.close();
    options.signal?.throwIfAborted();
    throw error;
  }
  return cluster;
}

class LocalCluster implements Cluster {
  readonly #options: ClusterOptions;
  readonly #workload: Workload;
  readonly #clock: Clock;
  readonly #id = randomUUID();
  readonly #runtime: LocalPodRuntime;
  readonly #api: APIServer;
  readonly #dashboard: Dashboard;
  #directory: string | undefined;
  #guard: ProcessGuard | undefined;
  #network: PodNetwork | undefined;
  #replicas: ReplicaSet | undefined;
  #stopping = false;
  #launched: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ClusterOptions, workload: Workload) {
    this.#options = options;
    this.#workload = workload;
    this.#clock = options.clock ?? systemClock;
    this.#runtime = new LocalPodRuntime(this.#clock);
    const { host, insecureAllowAnyAddress, allowedHosts, onError, wallClock = systemWallClock } = options;
    const shared = {
      ...(host === undefined ? {} : { host }),
      ...(insecureAllowAnyAddress === undefined ? {} : { insecureAllowAnyAddress }),
      ...(allowedHosts === undefined ? {} : { allowedHosts }),
    };
    this.#api = new APIServer({
      ...shared,
      runtime: this.#runtime,
      services: servicesOf(workload.app, NAMESPACE, wallClock.now()),
      port: options.apiPort ?? 0,
      clock: this.#clock,
      wallClock,
      ...(options.connect === undefined ? {} : { connect: options.connect }),
      ...(onError === undefined ? {} : { onError }),
    });
    this.#dashboard = new Dashboard({
      ...shared,
      port: options.port ?? 0,
      cluster: this.#host(),
      clock: this.#clock,
      wallClock,
      ...(onError === undefined ? {} : { onError }),
    });
  }

  get apiServer(): string {
    return this.#api.url;
  }

  get dashboard(): string {
    return this.#dashboard.url;
  }

  get kubeconfig(): string {
    return join(this.#directory ?? '', 'kubeconfig');
  }

  get pods(): readonly ClusterPod[] {
    return this.#replicas?.pods.map((pod) => this.#shown(pod)) ?? [];
  }

  async start(): Promise<void> {
    this.#launched = this.#launch();
    await this.#launched;
    const ready = Promise.all(this.#replicas?.pods.map((pod) => pod.firstReady) ?? []);
    await within(ready, this.#options.readyTimeout ?? 15_000, this.#clock);
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#pod(name).signal(signal);
  }

  async replace(name: string, options: ReplaceOptions = {}): Promise<ClusterPod | undefined> {
    checkOptionNames('replace', options, REPLACE_NAMES);
    const milliseconds = options.grace ?? this.#options.gracePeriod ?? GRACE_PERIOD;
    if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) {
      throw new InvalidArgumentError(`grace must be a whole number of milliseconds from 0, not ${milliseconds}`);
    }
    const replacement = this.#replicas?.delete(this.#pod(name), milliseconds);
    const successor = await replacement?.successor;
    await Promise.all([replacement?.gone, successor?.firstReady]);
    return successor === undefined || this.#stopping ? undefined : this.#shown(successor);
  }

  close(): Promise<void> {
    this.#stopping = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  killAll(): void {
    this.#replicas?.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What the dashboard may see and do. Where a pod is comes from the runtime, never from the object. */
  #host(): DashboardHost {
    const url = (): string => this.apiServer;
    const local = ({ metadata }: Pod): LocalPod | undefined => this.#runtime.find(metadata.uid);
    return {
      get apiServer() {
        return url();
      },
      namespace: NAMESPACE,
      pods: this.#runtime.pods,
      address: (pod) => local(pod)?.identity,
      kill: async (pod, signal) => await local(pod)?.signal(signal),
      replace: async ({ metadata }) => void (await this.replace(metadata.name)),
    };
  }

  #shown({ identity, main, ready }: LocalPod): ClusterPod {
    const { name, namespace, ip, port, internalPort } = identity;
    const events = `http://${ip}:${port}${this.#workload.eventsPath}`;
    return { name, namespace, ip, port, internalPort, pid: main?.pid, ready, events };
  }

  #pod(name: string): LocalPod {
    const pod = this.#replicas?.pods.find(({ identity }) => identity.name === name);
    if (pod === undefined) throw new InvalidArgumentError(`the cluster has no pod ${JSON.stringify(name)}`);
    return pod;
  }

  /** Starts everything, up to the pods' processes; stops half-way once the cluster is to be closed. */
  async #launch(): Promise<void> {
    // What can fail for outside reasons goes first.
    await this.#api.listen();
    await this.#dashboard.listen();
    this.#network = this.#options.podNetwork === 'ports' ? sharedAddress() : await takeNetwork();
    if (this.#stopping) return;
    this.#directory = await mkdtemp(join(tmpdir(), 'trunkline-'));
    if (this.#stopping) return;
    this.#guard = new ProcessGuard(clusterMark(this.#id), this.#directory);
    await writeKubeconfig(this.kubeconfig, this.apiServer, NAMESPACE);
    if (this.#stopping) return;
    await this.#startPods(this.#guard, this.#network, this.#directory);
  }

  async #startPods(guard: ProcessGuard, network: PodNetwork, directory: string): Promise<void> {
    const { pods = 3, logBytes = 4 * 1024 * 1024, gracePeriod = GRACE_PERIOD, onError } = this.#options;
    const [program = ''] = this.#workload.command;
    lookUpCommand(program, process.env['PATH'] ?? DEFAULT_PATH, directory);
    const clock = this.#clock;
    const wallClock = this.#options.wallClock ?? systemWallClock;
    this.#replicas = new ReplicaSet({
      replicas: pods,
      workload: this.#workload,
      namespace: NAMESPACE,
      clusterId: this.#id,
      directory,
      kubeconfig: this.kubeconfig,
      network,
      runtime: this.#runtime,
      pod: { guard, clock, wallClock, logBytes, gracePeriod },
      clock,
      onError: onError ?? (() => {}),
    });
    await this.#replicas.start();
  }

  async #close(): Promise<void> {
    const replicas = this.#replicas?.close(this.#options.stopTimeout ?? 3_000);
    // What is being started has to be there before it can be stopped.
    await this.#launched?.catch(() => {});
    await replicas;
    await Promise.all([this.#api.close(), this.#dashboard.close()]);
    await this.#runtime.idle();
    await killMarked(clusterMark(this.#id));
    await this.#guard?.close();
    await this.#network?.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}
