import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { absorbErrors } from '../httpstream/index.js';
import { ListenError } from './errors.js';
import type { ListenAddress, PortMapping } from './listen-spec.js';

/** A local address that is listened on, and where it leads. */
export interface ForwardedPort {
  /** IP address. */
  readonly address: string;
  /** Local port, never 0. */
  readonly localPort: number;
  /** Port in the pod. */
  readonly remotePort: number;
}

/** Takes a connection that came in on `port`. */
export type ConnectionTaker = (socket: Socket, port: ForwardedPort) => void;

/** The listening sockets of a port-forward. */
export class Listeners {
  readonly #servers: Server[] = [];
  readonly #ports: ForwardedPort[] = [];
  readonly #take: ConnectionTaker;

  constructor(take: ConnectionTaker) {
    this.#take = take;
  }

  /** What is listened on, in the order of the specifications, then by address. */
  get ports(): readonly ForwardedPort[] {
    return this.#ports;
  }

  /**
   * Listens on every address for every mapping. With local port 0 the first address gets any free port, and the others
   * have to follow.
   *
   * @throws ListenError when an address that is required cannot be listened on, or none of those that are not.
   */
  async listen(mappings: readonly Required<PortMapping>[], addresses: readonly ListenAddress[]): Promise<void> {
    for (const mapping of mappings) await this.#listenOn(mapping, addresses);
  }

  /** Stops listening. Connections that were taken go on. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }

  async #listenOn({ local, remote }: Required<PortMapping>, addresses: readonly ListenAddress[]): Promise<void> {
    const failures = new Map<string, NodeJS.ErrnoException>();
    let failed = false;
    let port = local;
    let optional = 0;
    let listening = 0;
    for (const { address, family, required } of addresses) {
      if (!required) optional++;
      try {
        port = await this.#open(address, family, port, remote);
        if (!required) listening++;
      } catch (error) {
        failed ||= required;
        failures.set(address, error as NodeJS.ErrnoException);
      }
    }
    if (failed || (optional > 0 && listening === 0)) throw new ListenError(local, failures);
  }

  #open(address: string, family: 4 | 6, port: number, remotePort: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true });
      server.once('error', reject);
      server.listen({ host: address, port, ipv6Only: family === 6 }, () => {
        server.off('error', reject);
        // Out of file descriptors, for example: the system takes connections again when there are some.
        server.on('error', () => {});
        const localPort = (server.address() as AddressInfo).port;
        const forwarded = { address, localPort, remotePort };
        server.on('connection', (socket) => {
          absorbErrors(socket);
          this.#take(socket, forwarded);
        });
        this.#servers.push(server);
        this.#ports.push(forwarded);
        resolve(localPort);
      });
    });
  }
}
