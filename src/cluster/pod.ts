import { mkdir, rm } from 'node:fs/promises';
import type { Pod } from '../apiserver/index.js';
import type { Clock, Timer } from '../clock/clock.js';
import { deferred } from '../clock/deferred.js';
import type { WallClock } from '../clock/wall.js';
import { podEnvironment, podMark, type PodIdentity } from './environment.js';
import type { ProcessGuard } from './guard.js';
import { LogBuffer } from './log-buffer.js';
import { MainProcess } from './main-process.js';
import { killMarked } from './marked-processes.js';
import { podObject, type MainState, type PodRecord, type Termination } from './pod-object.js';
import { ProcessGroups, signalGroup } from './process-groups.js';
import { watchReadiness, type ReadinessProbe } from './readiness.js';
import { Backoff } from './restart-backoff.js';

/** What a pod is made of, beside its identity. */
export interface LocalPodOptions {
  readonly command: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly guard: ProcessGuard;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  /** Bytes of log that are kept for each run. */
  readonly logBytes: number;
  readonly probe: ReadinessProbe;
  /** Milliseconds that it is given to end by itself, unless told otherwise. */
  readonly gracePeriod: number;
  /** Called with the pod's object whenever it changed. */
  readonly publish: (pod: Pod) => void;
}

/** Exit code of a container whose program could not be started (containerd). */
const START_ERROR = 128;

/**
 * A pod: one local process that is started again whenever it ends, with pauses that grow.
 *
 * States: creating → running → (terminated → creating | back-off → creating)*, and terminated for good after `end()`.
 */
export class LocalPod {
  readonly identity: PodIdentity;
  readonly environment: Readonly<Record<string, string>>;
  readonly groups: ProcessGroups;
  readonly #options: LocalPodOptions;
  readonly #createdAt: Date;
  readonly #backoff: Backoff;
  #state: MainState = { kind: 'creating' };
  #main: MainProcess | undefined;
  /** Settles when the main process runs, or could not be started. */
  #starting: Promise<void> = Promise.resolve();
  /** Settles when the last run is over and its end was dealt with. */
  #over: Promise<void> = Promise.resolve();
  #log: LogBuffer;
  #previousLog: LogBuffer | undefined;
  #lastEnd: Termination | undefined;
  #restartCount = 0;
  #ready = false;
  #readyChangedAt: Date;
  #deletion: PodRecord['deletion'];
  /** By the clock; when force is used. */
  #deadline = Infinity;
  #force: Timer | undefined;
  #restart: Timer | undefined;
  #gone: Promise<void> | undefined;
  readonly #settled = deferred<void>();

  constructor(identity: PodIdentity, options: LocalPodOptions) {
    this.identity = identity;
    this.#options = options;
    this.environment = podEnvironment(identity, process.env);
    this.groups = new ProcessGroups(options.guard);
    this.#createdAt = options.wallClock.now();
    this.#readyChangedAt = this.#createdAt;
    this.#backoff = new Backoff(options.clock);
    this.#log = new LogBuffer(options.logBytes, options.wallClock);
  }

  /** The main process, while it runs. */
  get main(): MainProcess | undefined {
    return this.#main;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Whether `end()` was called. */
  get ending(): boolean {
    return this.#gone !== undefined;
  }

  /** Settles when the first run is ready, or has ended. */
  get firstReady(): Promise<void> {
    return this.#settled.promise;
  }

  /** Log of the run that is under way, or of the last one; the one before with `previous`. */
  log(previous: boolean): LogBuffer | undefined {
    return previous ? this.#previousLog : this.#log;
  }

  /** Starts the main process for the first time. */
  async start(): Promise<void> {
    await mkdir(this.identity.directory, { recursive: true });
    if (this.ending) return;
    this.#publish();
    await this.#run();
  }

  /**
   * Ends everything in the pod for good: politely at first, by force after `grace` milliseconds. Resolves when nothing is
   * left. Called again it can only shorten the time.
   */
  end(grace: number): Promise<void> {
    const { clock, wallClock } = this.#options;
    const deadline = clock.now() + grace;
    if (deadline < this.#deadline) {
      this.#deadline = deadline;
      const graceSeconds = Math.ceil(grace / 1000);
      this.#deletion = { deadline: new Date(wallClock.now().getTime() + grace), graceSeconds };
      this.#force?.cancel();
      this.#force = clock.setTimeout(() => this.groups.kill(), grace);
      this.#publish();
    }
    this.#gone ??= this.#end();
    return this.#gone;
  }

  /**
   * Sends the main process and what it started a signal. It is started again if that ends it, without the pause that
   * follows a failure. Resolves once the signal is sent; after SIGKILL, once the process is over.
   */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const main = this.#main;
    if (main === undefined) return;
    this.#backoff.forgive();
    signalGroup(main.pid, signal);
    if (signal === 'SIGKILL') await main.ended;
  }

  async #end(): Promise<void> {
    this.#restart?.cancel();
    this.#settled.resolve();
    // What is being started has to be there before it can be ended.
    await this.#starting;
    if (this.#main !== undefined) signalGroup(this.#main.pid, 'SIGTERM');
    if (this.#options.clock.now() >= this.#deadline) this.groups.kill();
    await this.#over;
    this.#force?.cancel();
    await this.#kill();
    // What cannot be removed now is with the directory of the whole cluster.
    await rm(this.identity.directory, { recursive: true, force: true }).catch(() => {});
  }

  /** Kills everything in the pod. */
  async #kill(): Promise<void> {
    this.groups.kill();
    await killMarked(podMark(this.identity.uid));
  }

  #run(): Promise<void> {
    this.#starting = this.#startMain();
    return this.#starting;
  }

  async #startMain(): Promise<void> {
    const { wallClock, clock, logBytes, command } = this.#options;
    const startedAt = wallClock.now();
    const log = new LogBuffer(logBytes, wallClock);
    const spec = { command, cwd: this.identity.directory, env: this.environment };
    try {
      const main = await MainProcess.start(spec, log, clock);
      this.#main = main;
      this.#log = log;
      this.groups.add(main.pid);
      this.#state = { kind: 'running', pid: main.pid, startedAt };
      this.#backoff.started();
      this.#publish();
      void this.#watchReadiness(main);
      this.#over = main.ended.then((end) => this.#ended({ ...end, startedAt, finishedAt: wallClock.now() }));
    } catch (error) {
      const startError = error instanceof Error ? error.message : String(error);
      log.end();
      this.#over = this.#ended({ exitCode: START_ERROR, startError, startedAt, finishedAt: wallClock.now() });
    }
  }

  #watchReadiness(main: MainProcess): Promise<void> {
    const over = (): boolean => main.over || this.#main !== main;
    return watchReadiness(this.identity, this.#options.probe, this.#options.clock, over, (ready) => {
      this.#setReady(ready);
      this.#publish();
      if (ready) this.#settled.resolve();
    });
  }

  async #ended(end: Termination): Promise<void> {
    this.#main = undefined;
    this.#previousLog = this.#log;
    this.#lastEnd = end;
    this.#setReady(false);
    this.#state = { kind: 'terminated', end };
    await this.#kill();
    this.#settled.resolve();
    this.#publish();
    if (this.ending) return;
    const milliseconds = this.#backoff.next();
    if (milliseconds > 0) {
      this.#state = { kind: 'back-off', milliseconds };
      this.#publish();
    }
    this.#restart = this.#options.clock.setTimeout(() => {
      this.#restartCount++;
      void this.#run();
    }, milliseconds);
  }

  #setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#readyChangedAt = this.#options.wallClock.now();
  }

  #publish(): void {
    const { command, labels, probe, gracePeriod } = this.#options;
    this.#options.publish(
      podObject({
        identity: this.identity,
        command,
        labels,
        probe,
        graceSeconds: Math.ceil(gracePeriod / 1000),
        createdAt: this.#createdAt,
        deletion: this.#deletion,
        state: this.#state,
        lastEnd: this.#state.kind === 'terminated' ? undefined : this.#lastEnd,
        restartCount: this.#restartCount,
        ready: this.#ready,
        readyChangedAt: this.#readyChangedAt,
      }),
    );
  }
}
