import type { ProcessGuard } from './guard.js';

/** The process groups of one pod: its main process and what is executed beside it. */
export class ProcessGroups {
  readonly #guard: ProcessGuard;
  readonly #pids = new Set<number>();

  constructor(guard: ProcessGuard) {
    this.#guard = guard;
  }

  /** Takes charge of a group; `pid` is its leader's. */
  add(pid: number): void {
    this.#pids.add(pid);
    this.#guard.add(pid);
  }

  /** The leader is over. A group that has other members left stays in charge until the pod ends. */
  leaderExited(): void {
    for (const pid of this.#pids) {
      if (!signalGroup(pid, 0)) this.#forget(pid);
    }
  }

  /** Kills all groups at once. */
  kill(): void {
    for (const pid of this.#pids) {
      signalGroup(pid, 'SIGKILL');
      this.#forget(pid);
    }
  }

  #forget(pid: number): void {
    this.#pids.delete(pid);
    this.#guard.remove(pid);
  }
}

/** Sends a signal to a process group; false when it has no members. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
