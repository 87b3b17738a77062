import type { Duplex, Readable } from 'node:stream';
import { MemoryStore, statusError, type Pod, type PodLogOptions, type PodRuntime } from '../apiserver/index.js';
import type { Clock } from '../clock/clock.js';
import type { RemoteCommandResult, RemoteCommandSession } from '../remotecommand/index.js';
import { attach } from './attach.js';
import { exec } from './exec.js';
import { connectToPod } from './forward.js';
import { LogReader } from './log-reader.js';
import type { MainProcess } from './main-process.js';
import type { LocalPod } from './pod.js';

/** Runs pods as local processes. */
export class LocalPodRuntime implements PodRuntime {
  readonly pods: MemoryStore<Pod> = new MemoryStore<Pod>();
  readonly #clock: Clock;
  readonly #pods = new Map<string, LocalPod>();
  readonly #sessions = new Set<Promise<unknown>>();
  /** Ends a pod, by force after so many milliseconds. */
  onDelete: (pod: LocalPod, grace: number) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a pod in. */
  add(pod: LocalPod): void {
    this.#pods.set(pod.identity.uid, pod);
  }

  /** Lets go of a pod of which nothing is left. */
  remove({ identity }: LocalPod): void {
    this.#pods.delete(identity.uid);
    this.pods.delete(identity.namespace, identity.name);
  }

  /** The pod with this uid. */
  find(uid: string): LocalPod | undefined {
    return this.#pods.get(uid);
  }

  /** Settles when no exec and no attach runs any more. */
  async idle(): Promise<void> {
    while (this.#sessions.size > 0) await Promise.allSettled(this.#sessions);
  }

  logs(pod: Pod, options: PodLogOptions): Readable {
    const log = this.#local(pod).log(options.previous);
    if (log !== undefined) return new LogReader(log, options);
    const { name } = pod.metadata;
    throw statusError(400, `previous terminated container "${options.container}" in pod "${name}" not found`);
  }

  assertRunning(pod: Pod, container: string): void {
    this.#main(pod, container);
  }

  exec(pod: Pod, container: string, session: RemoteCommandSession): Promise<RemoteCommandResult> {
    this.#main(pod, container);
    const { identity, environment, groups } = this.#local(pod);
    return this.#track(exec(session, { cwd: identity.directory, env: environment, groups }, this.#clock));
  }

  attach(pod: Pod, container: string, session: RemoteCommandSession): Promise<RemoteCommandResult> {
    return this.#track(attach(session, this.#main(pod, container)));
  }

  portForward(pod: Pod, port: number, signal: AbortSignal): Promise<Duplex> {
    const { identity, main } = this.#local(pod);
    if (main === undefined || main.over) throw new Error(`pod ${identity.name} is not running`);
    return connectToPod(identity, port, signal);
  }

  delete(pod: Pod, { gracePeriodSeconds }: { readonly gracePeriodSeconds: number }): Pod {
    this.onDelete(this.#local(pod), gracePeriodSeconds * 1000);
    const { namespace, name } = pod.metadata;
    return this.pods.get(namespace, name) ?? pod;
  }

  #local({ metadata }: Pod): LocalPod {
    const pod = this.#pods.get(metadata.uid);
    if (pod === undefined) throw statusError(404, `pods "${metadata.name}" not found`);
    return pod;
  }

  #main(pod: Pod, container: string): MainProcess {
    const { main } = this.#local(pod);
    if (main === undefined || main.over) {
      throw statusError(404, `unable to upgrade connection: container not found ("${container}")`);
    }
    return main;
  }

  #track(session: Promise<RemoteCommandResult>): Promise<RemoteCommandResult> {
    this.#sessions.add(session);
    void Promise.allSettled([session]).then(() => this.#sessions.delete(session));
    return session;
  }
}
