import type { PodView, Snapshot } from '../state.js';
import type { PodColors } from './colors.js';
import { byId, Keyed, make, setAttributes, setText } from './dom.js';
import type { Fleet, FleetClient, FleetView } from './fleet.js';
import { formatCount, formatDuration, shortName } from './format.js';
import type { Move } from './moves.js';
import { end } from './pod-rows.js';
import { fraction } from './random.js';

/** The demonstration's part of the page. */
export class ResumeCard {
  readonly #fleet: Fleet;
  readonly #colors: PodColors;
  readonly #size = byId('fleet-size', HTMLSelectElement);
  readonly #rate = byId('fleet-rate', HTMLSelectElement);
  readonly #start = byId('fleet-start', HTMLButtonElement);
  readonly #kill = byId('fleet-kill', HTMLButtonElement);
  readonly #replace = byId('fleet-replace', HTMLButtonElement);
  readonly #note = byId('fleet-note', HTMLElement);
  readonly #list = byId('fleet', HTMLUListElement);
  readonly #tiles: Keyed<FleetClient, HTMLLIElement>;
  readonly #moves = new Keyed<{ move: Move; key: string }, HTMLLIElement>(byId('moves', HTMLUListElement), () =>
    make('li'),
  );
  #pods: readonly PodView[] = [];

  constructor(fleet: Fleet, colors: PodColors, say: (text: string) => void) {
    this.#fleet = fleet;
    this.#colors = colors;
    this.#tiles = new Keyed(this.#list, makeTile);
    this.#start.addEventListener('click', () => {
      if (fleet.view.phase === 'idle') fleet.start(Number(this.#size.value), 1_000 / Number(this.#rate.value));
      else fleet.stop();
    });
    this.#kill.addEventListener('click', () => this.#end('kill', say));
    this.#replace.addEventListener('click', () => this.#end('replace', say));
  }

  updatePods({ pods }: Snapshot): void {
    this.#pods = pods;
  }

  show(view: FleetView): void {
    const { phase, clients } = view;
    const idle = phase === 'idle';
    setText(this.#start, idle ? 'Start' : 'Stop');
    this.#start.disabled = phase === 'stopping';
    this.#size.disabled = this.#rate.disabled = !idle;
    this.#kill.disabled = this.#replace.disabled = phase !== 'running';
    this.#figure('published', view.published);
    this.#figure('received', view.received);
    this.#figure('resumed', view.resumed);
    this.#figure('missed', view.missed, true);
    this.#figure('repeated', view.repeated, true);
    setText(this.#note, describe(view));
    this.#moves.update(
      view.moves.map((move, index) => ({ move, key: String(view.moves.length - index) })),
      ({ key }) => key,
      (item, { move }) => setText(item, describeMove(move)),
    );
    this.#list.classList.toggle('many', clients.length > 16);
    this.#tiles.update(
      clients,
      ({ id }) => String(id),
      (tile, client) => this.#change(tile, client),
    );
  }

  #figure(name: string, value: number, bad = false): void {
    const figure = byId('verdict', HTMLElement).querySelector(`[data-figure="${name}"]`);
    if (figure === null) return;
    setText(figure, formatCount(value));
    if (bad) setAttributes(figure, { 'data-bad': value === 0 ? 'no' : 'yes' });
  }

  #change(tile: HTMLLIElement, { id, pod, state, received, missed, repeated }: FleetClient): void {
    const there = state === 'open' || state === 'stopped';
    setAttributes(tile, {
      class: there ? this.#colors.classOf(pod) : 'pod-none',
      'data-state': state,
      'aria-label': `client ${id}, ${there ? `on ${shortName(pod)}` : 'reconnecting'}: ${received} received, ${missed} missed, ${repeated} repeated`,
    });
    const [, where, count, proof] = tile.children;
    if (where !== undefined) setText(where, there ? shortName(pod) : 'moving');
    if (count !== undefined) setText(count, formatCount(received));
    if (proof === undefined) return;
    setText(proof, `${missed} missed, ${repeated} repeated`);
    setAttributes(proof, { 'data-bad': missed + repeated === 0 ? 'no' : 'yes' });
  }

  /** Ends the pod that serves the most of the clients, or any of them. */
  #end(action: 'kill' | 'replace', say: (text: string) => void): void {
    const { clients } = this.#fleet.view;
    const load = (pod: PodView): number => clients.filter((client) => client.pod === pod.name).length;
    const ready = this.#pods.filter((pod) => pod.ready);
    const most = Math.max(0, ...ready.map(load));
    const candidates = ready.filter((pod) => load(pod) === most);
    const pod = candidates[Math.floor(fraction() * candidates.length)];
    if (pod === undefined) return say('No pod is ready.');
    void end(pod.name, action, say);
  }
}

function makeTile({ id }: FleetClient): HTMLLIElement {
  return make('li', {
    children: [
      make('span', { class: 'who', text: `#${id}` }),
      make('span', { class: 'where' }),
      make('b'),
      make('span', { class: 'proof' }),
    ],
  });
}

function describe({ phase, clients, trouble, gaps, missed, repeated, resumed }: FleetView): string {
  const told = gaps === 0 ? '' : ` Clients were told of ${gaps} gaps.`;
  if (phase === 'gathering') return trouble === '' ? 'The clients are connecting.' : `Connecting: ${trouble}.`;
  if (phase === 'stopping') return 'Waiting for what is still under way.';
  if (clients.length === 0) return 'Not started.';
  const moving = clients.filter(({ state }) => state === 'waiting' || state === 'connecting').length;
  if (moving > 0) return `${moving === 1 ? 'One client is' : `${moving} clients are`} looking for another pod.${told}`;
  const fine = missed === 0 && repeated === 0;
  if (phase === 'idle') return `Over: ${fine ? 'nothing was missed, nothing repeated' : 'see above'}.${told}`;
  if (trouble !== '') return `Publishing waits: ${trouble}.${told}`;
  return `${resumed === 0 ? 'All clients are served.' : 'All clients are served again.'}${told}`;
}

function describeMove({ pod, clients, took }: Move): string {
  const who = clients === 1 ? 'One client' : `${clients} clients`;
  const lost = `${who} lost ${shortName(pod)}`;
  return took === undefined ? `${lost}…` : `${lost}, served again after ${formatDuration(took)}`;
}
