import type { Clock, Timer } from '../clock/clock.js';
import type { Logger } from '../logger/logger.js';
import type { Mesh } from '../mesh/mesh.js';

/** What handing over needs. Durations are in milliseconds. */
export interface HandOverOptions {
  readonly timeout: number;
  /** Gives up at once. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Between looks at who stays. */
const PERIOD = 100;
/** For which no pod that stays may turn up before the pod gives up: as long as new ones take to link. */
const NOBODY_STAYS = 2_000;

/**
 * Waits until pods that stay have all that this one holds. When every other pod is about to stop too, and no new one comes,
 * there is nothing to wait for: all are shut down.
 */
export async function handOver(mesh: Mesh, { timeout, signal, clock, logger }: HandOverOptions): Promise<void> {
  const given = new AbortController();
  const giveUp = (): void => given.abort();
  signal.addEventListener('abort', giveUp, { once: true });
  let since: number | undefined;
  const look = (): void => {
    const now = clock.now();
    const { links } = mesh;
    since = links.length > 0 && links.every(({ state }) => state === 'draining') ? (since ?? now) : undefined;
    if (since !== undefined && now - since >= NOBODY_STAYS) return giveUp();
    timer = clock.setTimeout(look, PERIOD);
  };
  let timer: Timer = clock.setTimeout(look, 0);
  const links = mesh.links.length;
  try {
    if (signal.aborted) return;
    const result = await mesh.drain({ timeout, signal: given.signal });
    if (result === 'timeout') logger.warn({ links, timeout }, 'not everything was handed over in time');
    else if (result === 'alone') logger.info({ links }, 'there is no other pod to hand over to');
    else logger.info({ result, links }, 'what this pod holds is safe');
  } catch (error) {
    if (!given.signal.aborted) logger.error({ err: error }, 'handing over failed');
    else if (!signal.aborted) logger.warn({ links }, 'no pod stays to hand over to');
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', giveUp);
  }
}
