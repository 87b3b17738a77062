import { mkdir, rm } from 'node:fs/promises';
import type { Pod } from '../apiserver/index.js';
import type { Clock, Timer } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import { podEnvironment, podMark, type PodIdentity } from './environment.js';
import type { ProcessGuard } from './guard.js';
import { LogBuffer } from './log-buffer.js';
import { MainProcess } from './main-process.js';
import { killMarked } from './marked-processes.js';
import { podObject, type MainState, type Termination } from './pod-object.js';
import { ProcessGroups, signalGroup } from './process-groups.js';
import { awaitReadiness } from './readiness.js';
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
  /** Milliseconds after which a process that opens no port counts as ready all the same; `undefined` for never. */
  readonly readyAfter: number | undefined;
  /** Called with the pod's object whenever it changed. */
  readonly publish: (pod: Pod) => void;
}

/** Exit code of a container whose program could not be started (containerd). */
const START_ERROR = 128;

/**
 * A pod: one local process that is started again whenever it ends, with pauses that grow.
 *
 * States: creating → running → (terminated → creating | back-off → creating)*, and terminated for good after `stop()`.
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
  #log: LogBuffer;
  #previousLog: LogBuffer | undefined;
  #lastEnd: Termination | undefined;
  #restartCount = 0;
  #ready = false;
  #readyChangedAt: Date;
  #deletedAt: Date | undefined;
  #restart: Timer | undefined;
  #settled: () => void = () => {};
  /** Settles when the first run is ready, or has ended. */
  readonly firstReady: Promise<void>;

  constructor(identity: PodIdentity, options: LocalPodOptions) {
    this.identity = identity;
    this.#options = options;
    this.environment = podEnvironment(identity, process.env);
    this.groups = new ProcessGroups(options.guard);
    this.#createdAt = options.wallClock.now();
    this.#readyChangedAt = this.#createdAt;
    this.#backoff = new Backoff(options.clock);
    this.#log = new LogBuffer(options.logBytes, options.wallClock);
    this.firstReady = new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  /** The main process, while it runs. */
  get main(): MainProcess | undefined {
    return this.#main;
  }

  /** Log of the run that is under way, or of the last one; the one before with `previous`. */
  log(previous: boolean): LogBuffer | undefined {
    return previous ? this.#previousLog : this.#log;
  }

  /** Starts the main process for the first time. */
  async start(): Promise<void> {
    await mkdir(this.identity.directory, { recursive: true });
    this.#publish();
    await this.#run();
  }

  /** Ends everything in the pod: politely at first, by force after `grace` milliseconds. */
  async stop(grace: number): Promise<void> {
    this.#deletedAt = this.#options.wallClock.now();
    this.#restart?.cancel();
    this.#settled();
    const main = this.#main;
    if (main !== undefined) {
      this.#publish();
      signalGroup(main.pid, 'SIGTERM');
      const timer = this.#options.clock.setTimeout(() => this.groups.kill(), grace);
      await main.ended;
      timer.cancel();
    }
    await this.kill();
    this.#publish();
    await rm(this.identity.directory, { recursive: true, force: true });
  }

  /** Kills everything in the pod. */
  async kill(): Promise<void> {
    this.groups.kill();
    await killMarked(podMark(this.identity.uid));
  }

  get #stopping(): boolean {
    return this.#deletedAt !== undefined;
  }

  async #run(): Promise<void> {
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
      void main.ended.then((end) => this.#ended({ ...end, startedAt, finishedAt: wallClock.now() }));
      // It may have been stopped while it started.
      if (this.#stopping) await this.kill();
    } catch (error) {
      const startError = error instanceof Error ? error.message : String(error);
      log.end();
      await this.#ended({ exitCode: START_ERROR, startError, startedAt, finishedAt: wallClock.now() });
    }
  }

  async #watchReadiness(main: MainProcess): Promise<void> {
    const { clock, readyAfter } = this.#options;
    const ready = await awaitReadiness(this.identity, readyAfter, clock, () => main.over || this.#main !== main);
    if (ready) {
      this.#setReady(true);
      this.#publish();
      this.#settled();
    }
  }

  async #ended(end: Termination): Promise<void> {
    this.#main = undefined;
    this.#previousLog = this.#log;
    this.#lastEnd = end;
    this.#setReady(false);
    this.#state = { kind: 'terminated', end };
    await this.kill();
    this.#settled();
    this.#publish();
    if (this.#stopping) return;
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
    this.#options.publish(
      podObject({
        identity: this.identity,
        command: this.#options.command,
        labels: this.#options.labels,
        createdAt: this.#createdAt,
        deletedAt: this.#deletedAt,
        state: this.#state,
        lastEnd: this.#state.kind === 'terminated' ? undefined : this.#lastEnd,
        restartCount: this.#restartCount,
        ready: this.#ready,
        readyChangedAt: this.#readyChangedAt,
      }),
    );
  }
}
