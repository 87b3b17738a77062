import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';

/** Who proves that it knows the secret. */
export type Role = 'dialler' | 'acceptor';

const NONCE_BYTES = 16;
/** Milliseconds for which a challenge may be answered. */
const CHALLENGE_LIFE = 10_000;
/** Challenges that are remembered at once: who asks for more makes the oldest void, and costs no more memory. */
const MAX_CHALLENGES = 1_024;
const LEAST_SECRET_BYTES = 16;

/** A random text that is used once. */
export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url');
}

/**
 * A secret that all pods of a mesh share. It never travels: each side proves that it knows it, over fresh numbers of both.
 * A text of several lines is several: the first is proved, each is accepted, so that one can follow another pod by pod.
 */
export class LinkSecret {
  readonly #first: Buffer;
  readonly #keys: readonly Buffer[];

  /** @throws InvalidArgumentError for less than 16 bytes. */
  constructor(secret: string | Uint8Array) {
    this.#keys = typeof secret === 'string' ? keysOf(secret) : [Buffer.from(secret)];
    const [first] = this.#keys;
    if (first === undefined || this.#keys.some(({ length }) => length < LEAST_SECRET_BYTES)) {
      throw new InvalidArgumentError(`the secret of a mesh must have at least ${LEAST_SECRET_BYTES} bytes`);
    }
    this.#first = first;
  }

  /** HMAC-SHA256 over the role and both nonces, so that no proof serves anywhere else. */
  proof(role: Role, challenge: string, nonce: string): string {
    return proofWith(this.#first, role, challenge, nonce);
  }

  verify(role: Role, challenge: string, nonce: string, proof: string): boolean {
    return this.proved(role, challenge, nonce, proof) !== undefined;
  }

  /** The one secret of these that was proved, for the answer must be made with the same. */
  proved(role: Role, challenge: string, nonce: string, proof: string): LinkSecret | undefined {
    const given = Buffer.from(proof);
    const key = this.#keys.find((one) => {
      const expected = Buffer.from(proofWith(one, role, challenge, nonce));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    return key === undefined ? undefined : new LinkSecret(key);
  }
}

function keysOf(text: string): readonly Buffer[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line));
}

function proofWith(key: Buffer, role: Role, challenge: string, nonce: string): string {
  return createHmac('sha256', key).update(`trunkline-link/1\n${role}\n${challenge}\n${nonce}`).digest('base64url');
}

/** Challenges of an acceptor: each can be answered once, in time. */
export class Challenges {
  readonly #clock: Clock;
  readonly #open = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(): string {
    const challenge = newNonce();
    const oldest = this.#open.keys().next();
    if (this.#open.size >= MAX_CHALLENGES && oldest.done !== true) this.#open.delete(oldest.value);
    this.#open.set(challenge, this.#clock.now() + CHALLENGE_LIFE);
    return challenge;
  }

  /** Whether it was issued, is not void, and was not taken before. */
  take(challenge: string): boolean {
    const until = this.#open.get(challenge);
    this.#open.delete(challenge);
    return until !== undefined && this.#clock.now() < until;
  }
}
