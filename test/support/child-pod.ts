import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** How a pod in a child process (`mesh-pod-main.ts`) is. */
export interface ChildReport {
  readonly port: number;
  readonly links: number;
  readonly sockets: number;
  readonly events: readonly string[];
}

/** Asks the pod how it is; with a text it publishes that first. */
export async function report(pod: ChildProcess, publish = ''): Promise<ChildReport> {
  const answer = once(pod, 'message');
  pod.send(publish);
  const [told] = (await answer) as [ChildReport];
  return told;
}

/** Asks until the answer fits, and gives it. */
export async function untilChild(pod: ChildProcess, fits: (told: ChildReport) => boolean): Promise<ChildReport> {
  for (;;) {
    const told = await report(pod);
    if (fits(told)) return told;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
