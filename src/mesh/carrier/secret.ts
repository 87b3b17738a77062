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

/** A secret that all pods of a mesh share. It never travels: each side proves that it knows it, over fresh numbers of both. */
export class LinkSecret {
  readonly #key: Buffer;

  /** @throws InvalidArgumentError for less than 16 bytes. */
  constructor(secret: string | Uint8Array) {
    this.#key = Buffer.from(typeof secret === 'string' ? secret.trim() : secret);
    if (this.#key.length < LEAST_SECRET_BYTES) {
      throw new InvalidArgumentError(`the secret of a mesh must have at least ${LEAST_SECRET_BYTES} bytes`);
    }
  }

  /** HMAC-SHA256 over the role and both nonces, so that no proof serves anywhere else. */
  proof(role: Role, challenge: string, nonce: string): string {
    return createHmac('sha256', this.#key)
      .update(`trunkline-link/1\n${role}\n${challenge}\n${nonce}`)
      .digest('base64url');
  }

  verify(role: Role, challenge: string, nonce: string, proof: string): boolean {
    const expected = Buffer.from(this.proof(role, challenge, nonce));
    const given = Buffer.from(proof);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
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
