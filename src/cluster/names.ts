import { createHash, randomInt } from 'node:crypto';
import { basename } from 'node:path';

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

/** What pods that run this command are called: the script of an interpreter, else the program; a DNS label. */
export function workloadName(command: readonly string[]): string {
  const [program = '', script] = command;
  const interpreted = /^(?:node|python[\d.]*|ruby|deno|bun|tsx)$/.test(basename(program));
  const file = interpreted && script !== undefined && !script.startsWith('-') ? script : program;
  const label = basename(file)
    .replace(/\.[a-z]+$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'pod' : label;
}
