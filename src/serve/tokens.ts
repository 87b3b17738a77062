import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import type { Logger } from '../logger/logger.js';

/** What knows the tokens of those who may publish and inspect. */
export interface TokenSource {
  knows(token: string): boolean | Promise<boolean>;
}

/** Shorter ones can be guessed. */
const SHORTEST = 16;
/** What the grammar of a bearer token has (RFC 6750, 2.1). */
const TOKEN = /^[\w.~+/-]+=*$/;
const MAX_FILE_BYTES = 64 * 1024;
/** Milliseconds for which a file that was read is good. */
const FRESH = 5_000;

/** Tokens that stay. */
export class FixedTokens implements TokenSource {
  readonly #digests: readonly Buffer[];

  /** @throws InvalidArgumentError for none, and for what is no token or is too short. */
  constructor(tokens: readonly string[]) {
    if (tokens.length === 0) throw new InvalidArgumentError('there is no token in it');
    for (const token of tokens) checkToken(token);
    this.#digests = tokens.map(digest);
  }

  /** Takes the same time whatever the token, and however much of it is right. */
  knows(token: string): boolean {
    const given = digest(token);
    let known = false;
    for (const one of this.#digests) known = timingSafeEqual(one, given) || known;
    return known;
  }
}

/**
 * Tokens of a file, one a line; empty lines and those that begin with `#` are none. It is read again when it is needed and
 * 5 s old, so that a Secret that Kubernetes has renewed counts without a restart: put the new token beside the old one first.
 * While it cannot be read, or holds nothing usable, the tokens of before stay.
 */
export class TokenFile implements TokenSource {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #text: string;
  #tokens: FixedTokens;
  #readAt: number;
  #reading: Promise<void> | undefined;
  #complaint: string | undefined;

  private constructor(path: string, clock: Clock, logger: Logger, text: string) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#text = text;
    this.#tokens = tokensIn(text);
    this.#readAt = clock.now();
  }

  /** @throws what reading throws; InvalidArgumentError for a file without a usable token. */
  static async open(path: string, clock: Clock, logger: Logger): Promise<TokenFile> {
    return new TokenFile(path, clock, logger, await read(path));
  }

  async knows(token: string): Promise<boolean> {
    if (this.#clock.now() - this.#readAt >= FRESH) await (this.#reading ??= this.#read());
    return this.#tokens.knows(token);
  }

  async #read(): Promise<void> {
    try {
      const text = await read(this.#path);
      if (text !== this.#text) {
        this.#tokens = tokensIn(text);
        this.#text = text;
        this.#logger.info({ file: this.#path }, 'the tokens were renewed');
      }
      this.#complaint = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // Once for each cause: it is asked for often.
      if (message !== this.#complaint) {
        this.#logger.error({ file: this.#path, error: message }, 'the tokens cannot be renewed; those of before count');
      }
      this.#complaint = message;
    } finally {
      this.#readAt = this.#clock.now();
      this.#reading = undefined;
    }
  }
}

function tokensIn(text: string): FixedTokens {
  const lines = text.split('\n').map((line) => line.trim());
  return new FixedTokens(lines.filter((line) => line !== '' && !line.startsWith('#')));
}

async function read(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > MAX_FILE_BYTES) throw new InvalidArgumentError('the file is too large for one of tokens');
  return bytes.toString('utf8');
}

function checkToken(token: string): void {
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    throw new InvalidArgumentError('a token has letters, digits and - . _ ~ + / = only');
  }
  if (token.length < SHORTEST) {
    throw new InvalidArgumentError(`a token has ${SHORTEST} characters at least; make one with: openssl rand -hex 32`);
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
