import type { PodView, Snapshot } from '../state.js';
import { endPod, errorOf } from './api.js';
import type { PodColors } from './colors.js';
import { byId, Keyed, make, setAttributes, setText } from './dom.js';
import { formatCount, formatRate, shortName } from './format.js';

/** What the rows do beyond themselves. */
export interface PodRowsActions {
  readonly say: (text: string) => void;
  readonly openTerminal: (pod: string) => void;
  readonly openLogs: (pod: string) => void;
}

/** The list of pods: what they say of themselves, and what can be done to them. */
export class PodRows {
  readonly #colors: PodColors;
  readonly #rows: Keyed<PodView, HTMLLIElement>;

  constructor(colors: PodColors, actions: PodRowsActions) {
    this.#colors = colors;
    this.#rows = new Keyed(byId('pod-list', HTMLUListElement), ({ name }) => makeRow(name, actions));
  }

  update({ pods }: Snapshot): void {
    this.#rows.update(
      pods,
      ({ name }) => name,
      (row, pod) => this.#change(row, pod),
    );
  }

  #change(row: HTMLLIElement, pod: PodView): void {
    setAttributes(row, { class: this.#colors.classOf(pod.name), 'data-state': pod.ready ? 'ready' : 'away' });
    const address = row.querySelector('.address');
    const [state, figures] = [row.querySelector('.state'), row.querySelector('.facts')];
    if (address !== null) setText(address, pod.address);
    if (state !== null) setText(state, stateOf(pod));
    if (figures !== null) setText(figures, factsOf(pod));
  }
}

function makeRow(pod: string, actions: PodRowsActions): HTMLLIElement {
  const button = (text: string, label: string, onClick: () => void, danger = false): HTMLButtonElement =>
    make('button', {
      text,
      ...(danger ? { class: 'danger' } : {}),
      attributes: { type: 'button', 'aria-label': `${label} ${shortName(pod)}`, title: `${label} ${pod}` },
      onClick,
    });
  return make('li', {
    children: [
      make('div', {
        class: 'who',
        children: [
          make('b', { text: pod }),
          make('span', { class: 'note address' }),
          make('span', { class: 'state' }),
          make('span', { class: 'facts' }),
        ],
      }),
      make('div', {
        class: 'actions',
        children: [
          button('Terminal', 'Terminal in', () => actions.openTerminal(pod)),
          button('Logs', 'Logs of', () => actions.openLogs(pod)),
          button('Replace', 'Replace', () => void end(pod, 'replace', actions.say)),
          button('Kill', 'Kill', () => void end(pod, 'kill', actions.say), true),
        ],
      }),
    ],
  });
}

/** Kills a pod or has it replaced, and says so. */
export async function end(pod: string, action: 'kill' | 'replace', say: (text: string) => void): Promise<void> {
  try {
    const reply = await endPod(pod, action);
    if (reply.status >= 300) say(`${pod}: ${errorOf(reply)}`);
  } catch {
    say('The dashboard does not answer.');
  }
}

function stateOf({ ready, state, status, restarts }: PodView): string {
  const now = ready ? 'ready' : state === 'draining' || state === 'joining' ? state : status;
  return restarts === 0 ? now : `${now}, ${restarts === 1 ? '1 restart' : `${restarts} restarts`}`;
}

function factsOf({ report, clients, published, delivered }: PodView): string {
  if (report === 'none') return '';
  if (report === 'silent') return 'does not answer';
  const who = clients === 1 ? '1 client' : `${formatCount(clients)} clients`;
  return `${who} · publishes ${formatRate(published)} · delivers ${formatRate(delivered)}`;
}
