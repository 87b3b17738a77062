import type { Duplex, Readable } from 'node:stream';
import type { RemoteCommandResult, RemoteCommandSession } from '../remotecommand/index.js';
import type { Pod } from './objects.js';
import type { ResourceReader } from './store.js';

/** Which part of a container's log is wanted (`v1.PodLogOptions`). */
export interface PodLogOptions {
  readonly container: string;
  /** Go on with new lines until the container ends. */
  readonly follow: boolean;
  /** Of the container's run before the current one. */
  readonly previous: boolean;
  /** Put the time in front of each line. */
  readonly timestamps: boolean;
  /** Start with this many lines before the end. */
  readonly tailLines?: number;
  /** Only lines that were written since. */
  readonly since?: Date;
  /** End after this many bytes. */
  readonly limitBytes?: number;
}

/**
 * What runs pods, as the API server sees it. The container given is always one of the pod's. A method may throw
 * `StatusError` to answer with that Status.
 */
export interface PodRuntime {
  readonly pods: ResourceReader<Pod>;
  /** Log lines as bytes. Destroying the stream releases everything. */
  logs(pod: Pod, options: PodLogOptions): Readable;
  /** Throws if nothing can be executed in the container now; called before the connection is upgraded. */
  assertRunning(pod: Pod, container: string): void;
  /** Runs a command in the container. */
  exec(pod: Pod, container: string, session: RemoteCommandSession): Promise<RemoteCommandResult>;
  /** Connects to the container's main process. */
  attach(pod: Pod, container: string, session: RemoteCommandSession): Promise<RemoteCommandResult>;
  /**
   * Connects to a port of the pod, from 1 to 65,535. Where the pod is comes from the runtime's own knowledge, never from
   * the Pod object. `signal` aborts when the connection is not wanted any more. What it throws fails that connection only.
   */
  portForward(pod: Pod, port: number, signal: AbortSignal): Duplex | Promise<Duplex>;
  /**
   * Begins to end a pod, and returns it marked with `deletionTimestamp` and `deletionGracePeriodSeconds`. It leaves `pods`
   * once nothing of it runs any more, for which force is used after the grace period, at once with 0. Called again with a
   * shorter period while the pod is terminating. Without this method pods cannot be deleted (405).
   */
  delete?(pod: Pod, options: { readonly gracePeriodSeconds: number }): Pod | Promise<Pod>;
}
