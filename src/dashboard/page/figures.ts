import type { Snapshot } from '../state.js';
import { byId, setText } from './dom.js';
import { formatCount, formatDuration, formatRate } from './format.js';

/** The figures at the top. */
export class Figures {
  readonly #root = byId('figures', HTMLElement);

  update({ pods, published, delivered, latency, apiServer }: Snapshot): void {
    const telling = pods.some(({ report }) => report === 'live');
    this.#show('pods', `${pods.filter(({ ready }) => ready).length}/${pods.length}`);
    this.#show('clients', telling ? formatCount(pods.reduce((sum, { clients }) => sum + clients, 0)) : '–');
    this.#show('published', formatRate(published));
    this.#show('delivered', formatRate(delivered));
    // Between two measurements the last one stands.
    if (latency !== undefined) this.#show('latency', formatDuration(latency.median));
    setText(byId('api-server', HTMLElement), apiServer);
  }

  #show(name: string, text: string): void {
    const figure = this.#root.querySelector(`[data-figure="${name}"]`);
    if (figure !== null) setText(figure, text);
  }
}
