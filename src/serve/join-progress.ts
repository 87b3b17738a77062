import type { Clock, Timer } from '../clock/clock.js';
import type { Logger } from '../logger/logger.js';
import type { Mesh } from '../mesh/mesh.js';

/** Milliseconds between two reports. */
const PERIOD = 5_000;

/** Tells from time to time that a pod still waits to join the others, and for what. */
export class JoinProgress {
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #begun = 0;
  #timer: Timer | undefined;

  constructor(mesh: Mesh, clock: Clock, logger: Logger) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.#logger = logger;
  }

  begin(): void {
    this.#begun = this.#clock.now();
    this.#schedule();
  }

  end(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => this.#tell(), PERIOD);
  }

  #tell(): void {
    const { dialFailures } = this.#mesh.stats();
    const links = this.#mesh.links.map(({ name, address, state }) => ({ name, address, state }));
    const waited = Math.round(this.#clock.now() - this.#begun);
    this.#logger.info({ waited, links, dialFailures }, 'still joining');
    this.#schedule();
  }
}
