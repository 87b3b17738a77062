import { createHash, randomInt } from 'node:crypto';

/** Letters and digits that Kubernetes makes names of (apimachinery `util/rand`): no vowels, so no words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix of pod names, five characters. */
export function randomSuffix(random: (high: number) => number = randomInt): string {
  let suffix = '';
  for (let at = 0; at < 5; at++) suffix += ALPHABET.charAt(random(ALPHABET.length));
  return suffix;
}

/** A short hash that is the same for the same command, like that of a pod template. */
export function templateHash(command: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(command)).digest();
  let hash = '';
  for (let at = 0; at < 5; at++) hash += ALPHABET.charAt((digest[at] ?? 0) % ALPHABET.length);
  return hash;
}
