import type { Clock } from './clock.js';
import { deferred } from './deferred.js';

/** What `promise` resolves with, or `undefined` when that takes longer. */
export async function within<T>(promise: Promise<T>, milliseconds: number, clock: Clock): Promise<T | undefined> {
  const expired = deferred<undefined>();
  const timer = clock.setTimeout(() => expired.resolve(undefined), milliseconds);
  try {
    return await Promise.race([promise, expired.promise]);
  } finally {
    timer.cancel();
  }
}
