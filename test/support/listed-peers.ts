import type { Peer, PeerFinder } from '../../src/mesh/index.js';

/** Peers that the test sets as it likes. */
export class ListedPeers implements PeerFinder {
  #peers: readonly Peer[];
  readonly #waiting = new Set<() => void>();

  constructor(peers: readonly Peer[] = []) {
    this.#peers = peers;
  }

  /** Ports on this machine, or `host:port`, of each. */
  set(...addresses: readonly (number | string)[]): void {
    this.#peers = addresses.map((address) => {
      const [host = '', port] = typeof address === 'number' ? ['127.0.0.1', address] : address.split(':');
      return { host: String(host), port: Number(port), self: false };
    });
    for (const wake of this.#waiting) wake();
  }

  async *peers({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<readonly Peer[]> {
    const ended = (): boolean => signal?.aborted === true;
    for (let told: readonly Peer[] | undefined; !ended();) {
      if (told !== this.#peers) {
        told = this.#peers;
        yield told;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}
