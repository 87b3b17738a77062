import { lookup, Resolver } from 'node:dns/promises';
import type { AddressRecord, PeerResolver, ServiceRecord } from './dns-options.js';

/**
 * The name servers of the system. They are asked for full names only, as `node:dns` does; a name that they do not know is
 * looked up as other programs do, in the search domains and the hosts file, which tells nothing of how long it lives.
 */
export class SystemResolver implements PeerResolver {
  readonly #resolver: Resolver;

  /** @param timeout Milliseconds that each name server is given, twice. */
  constructor(timeout: number) {
    this.#resolver = new Resolver({ timeout: Math.max(1, Math.floor(timeout / 2)), tries: 2 });
  }

  resolve4(name: string): Promise<readonly AddressRecord[]> {
    return this.#resolve(name, 4, () => this.#resolver.resolve4(name, { ttl: true }));
  }

  resolve6(name: string): Promise<readonly AddressRecord[]> {
    return this.#resolve(name, 6, () => this.#resolver.resolve6(name, { ttl: true }));
  }

  resolveSrv(name: string): Promise<readonly ServiceRecord[]> {
    return this.#resolver.resolveSrv(name);
  }

  /** Abandons what is being asked. */
  cancel(): void {
    this.#resolver.cancel();
  }

  async #resolve(
    name: string,
    family: 4 | 6,
    resolve: () => Promise<readonly AddressRecord[]>,
  ): Promise<readonly AddressRecord[]> {
    try {
      return await resolve();
    } catch (error) {
      if (!isUnknownName(error) || name.endsWith('.')) throw error;
      const found = await lookup(name, { all: true, family }).catch(() => []);
      if (found.length === 0) throw error;
      return found.map(({ address }) => ({ address, ttl: Infinity }));
    }
  }
}

/** Whether a name server knew no such name. */
export function isUnknownName(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOTFOUND';
}

/** Whether a name server answered that there is nothing of the kind, rather than failed or knew no such name. */
export function isEmptyAnswer(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENODATA';
}
