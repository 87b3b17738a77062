import { get } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../clock/clock.js';
import type { PodAddress } from './network.js';

/** How to find out whether a program is ready. */
export type ReadinessProbe =
  /** Its answer to a GET of this path is a success; asked again and again as long as it runs. */
  | { readonly kind: 'http'; readonly path: string }
  /**
   * It accepts connections, which settles it. A program need not listen: with `readyAfter` it is taken for ready after so
   * many milliseconds.
   */
  | { readonly kind: 'tcp'; readonly readyAfter: number };

const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 1_000;
/** Milliseconds between two questions to a program that was ready: a second or two make no good demonstration. */
export const PROBE_PERIOD = 250;
/** Milliseconds for an answer. */
export const PROBE_TIMEOUT = 1_000;
/** Questions in a row without an answer until a program that was ready is not: a busy one may be late. */
export const PROBE_FAILURES = 3;

/**
 * Looks whether the program at a pod's address is ready, and tells of every change.
 *
 * @param over Whether the program has ended, upon which this ends.
 */
export async function watchReadiness(
  { ip, port }: PodAddress,
  probe: ReadinessProbe,
  clock: Clock,
  over: () => boolean,
  onChange: (ready: boolean) => void,
): Promise<void> {
  const start = clock.now();
  let ready = false;
  let silences = 0;
  for (let pause = FIRST_PAUSE; ; pause = ready ? PROBE_PERIOD : Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const answer = probe.kind === 'http' ? await ask(ip, port, probe.path, clock) : await accepts(ip, port);
    if (over()) return;
    silences = answer === undefined ? silences + 1 : 0;
    const patient: boolean = answer === undefined && ready && silences < PROBE_FAILURES;
    const now: boolean =
      answer === true || patient || (probe.kind === 'tcp' && clock.now() - start >= probe.readyAfter);
    if (now !== ready) onChange(now);
    ready = now;
    if (ready && probe.kind === 'tcp') return;
    const wait = ready ? PROBE_PERIOD : pause;
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, wait));
    if (over()) return;
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.on('error', () => settle(false));
  });
}

/** Whether the status is one of 200 to 399, as the kubelet has it; `undefined` without an answer. */
function ask(host: string, port: number, path: string, clock: Clock): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const headers = { 'User-Agent': 'trunkline-probe', Connection: 'close' };
    const request = get({ host, port, path, headers, agent: false }, (response) => {
      response.on('error', () => {});
      resolve((response.statusCode ?? 500) < 400);
      response.destroy();
    });
    const timer = clock.setTimeout(() => request.destroy(), PROBE_TIMEOUT);
    request.on('error', () => {});
    request.on('close', () => {
      timer.cancel();
      resolve(undefined);
    });
  });
}
