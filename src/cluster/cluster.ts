import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APIServer } from '../apiserver/index.js';
import { systemClock, type Clock } from '../clock/clock.js';
import { systemWallClock } from '../clock/wall.js';
import { Dashboard } from './dashboard.js';
import { clusterMark, podEnvironment, type PodIdentity } from './environment.js';
import { ProcessGuard } from './guard.js';
import { lookUpCommand } from './lookup.js';
import { killMarked } from './marked-processes.js';
import { randomSuffix, templateHash, workloadName } from './names.js';
import { takeNetwork, type PodNetwork } from './network.js';
import { checkOptions, defaultCommand, type ClusterOptions } from './options.js';
import { LocalPod } from './pod.js';
import { LocalPodRuntime } from './runtime.js';

/** A pod of a running cluster. */
export interface ClusterPod {
  readonly name: string;
  readonly namespace: string;
  /** A loopback address of its own, where the system has several. */
  readonly ip: string;
  /** Port that the pod's program is told to listen on, by `PORT`. */
  readonly port: number;
  /** Process id of the main process; `undefined` while it does not run. */
  readonly pid: number | undefined;
  /** Address of the pod's server-sent events. */
  readonly events: string;
}

/** A running cluster. */
export interface Cluster extends AsyncDisposable {
  /** Address for `kubectl --server`. */
  readonly apiServer: string;
  /** Address of the dashboard. */
  readonly dashboard: string;
  readonly pods: readonly ClusterPod[];
  /** Stops everything and leaves no process behind. Never rejects. */
  close(): Promise<void>;
  /** Kills all processes at once, without waiting for anything. */
  kill(): void;
}

/** Milliseconds after which a program that opens no port counts as ready, unless it is the default one. */
const READY_AFTER = 5_000;
const NAMESPACE = 'default';

/**
 * Starts a Kubernetes-style API server whose pods are local processes, and a dashboard. Resolves when all pods are ready,
 * or `readyTimeout` has passed, or a pod has ended. Commands given to exec run with the rights of this process, so all
 * servers listen on loopback only unless told otherwise. POSIX systems only.
 *
 * `await using cluster = await startCluster({ pods: 2 })` stops it at the end of the block.
 *
 * @throws InvalidArgumentError for options out of range; CommandNotFoundError for a program that cannot be started; the
 * system's error when a port is in use (`EADDRINUSE`); the signal's reason.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const cluster = new LocalCluster(options);
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
  readonly #clock: Clock;
  readonly #id = randomUUID();
  readonly #runtime: LocalPodRuntime;
  readonly #api: APIServer;
  readonly #dashboard: Dashboard;
  readonly #pods: LocalPod[] = [];
  #directory: string | undefined;
  #guard: ProcessGuard | undefined;
  #network: PodNetwork | undefined;
  #stopping = false;
  #launched: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#runtime = new LocalPodRuntime(this.#clock);
    const { host, insecureAllowAnyAddress, allowedHosts, onError } = options;
    const shared = {
      ...(host === undefined ? {} : { host }),
      ...(insecureAllowAnyAddress === undefined ? {} : { insecureAllowAnyAddress }),
      ...(allowedHosts === undefined ? {} : { allowedHosts }),
    };
    this.#api = new APIServer({
      ...shared,
      runtime: this.#runtime,
      port: options.apiPort ?? 0,
      clock: this.#clock,
      ...(options.connect === undefined ? {} : { connect: options.connect }),
      ...(options.wallClock === undefined ? {} : { wallClock: options.wallClock }),
      ...(onError === undefined ? {} : { onError }),
    });
    this.#dashboard = new Dashboard({ ...shared, port: options.port ?? 0, cluster: this, pods: this.#runtime.pods });
  }

  get apiServer(): string {
    return this.#api.url;
  }

  get dashboard(): string {
    return this.#dashboard.url;
  }

  get pods(): readonly ClusterPod[] {
    return this.#pods.map(({ identity: { name, namespace, ip, port }, main }) => {
      return { name, namespace, ip, port, pid: main?.pid, events: `http://${ip}:${port}/events` };
    });
  }

  async start(): Promise<void> {
    this.#launched = this.#launch();
    await this.#launched;
    const timeout = this.#options.readyTimeout ?? 15_000;
    await within(Promise.all(this.#pods.map((pod) => pod.firstReady)), timeout, this.#clock);
  }

  close(): Promise<void> {
    this.#stopping = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  kill(): void {
    for (const pod of this.#pods) pod.groups.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Starts everything, up to the pods' processes; stops half-way once the cluster is to be closed. */
  async #launch(): Promise<void> {
    // What can fail for outside reasons goes first.
    await this.#api.listen();
    await this.#dashboard.listen();
    this.#network = await takeNetwork();
    if (this.#stopping) return;
    this.#directory = await mkdtemp(join(tmpdir(), 'trunkline-'));
    if (this.#stopping) return;
    this.#guard = new ProcessGuard(clusterMark(this.#id), this.#directory);
    await this.#startPods(this.#guard, this.#network, this.#directory);
  }

  async #startPods(guard: ProcessGuard, network: PodNetwork, directory: string): Promise<void> {
    const { logBytes = 4 * 1024 * 1024, wallClock = systemWallClock } = this.#options;
    const command = this.#options.command ?? defaultCommand();
    const app = this.#options.command === undefined ? 'ticker' : workloadName(command);
    const hash = templateHash(command);
    for (let index = 0; index < (this.#options.pods ?? 3); index++) {
      const name = `${app}-${hash}-${randomSuffix()}`;
      const address = await network.address(index);
      const identity: PodIdentity = {
        ...address,
        name,
        namespace: NAMESPACE,
        uid: randomUUID(),
        directory: join(directory, name),
        clusterId: this.#id,
      };
      if (index === 0) lookUpCommand(command[0] ?? '', podEnvironment(identity, process.env)['PATH'] ?? '', directory);
      const pod = new LocalPod(identity, {
        command,
        labels: { app, 'pod-template-hash': hash },
        guard,
        clock: this.#clock,
        wallClock,
        logBytes,
        readyAfter: this.#options.command === undefined ? undefined : READY_AFTER,
        publish: (object) => this.#runtime.pods.put(object),
      });
      if (this.#stopping) return;
      this.#pods.push(pod);
      this.#runtime.add(pod);
    }
    await Promise.all(this.#pods.map((pod) => pod.start()));
  }

  async #close(): Promise<void> {
    // What is being started has to be there before it can be stopped.
    await this.#launched?.catch(() => {});
    await Promise.all(this.#pods.map((pod) => pod.stop(this.#options.stopTimeout ?? 3_000)));
    await Promise.all([this.#api.close(), this.#dashboard.close()]);
    await this.#runtime.idle();
    await killMarked(clusterMark(this.#id));
    await this.#guard?.close();
    await this.#network?.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}

async function within(work: Promise<unknown>, milliseconds: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(resolve, milliseconds);
    work.then(
      () => {
        timer.cancel();
        resolve();
      },
      (error: unknown) => {
        timer.cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
