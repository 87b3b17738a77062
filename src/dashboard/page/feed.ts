import type { ParsedEvent } from '../../sse/parser.js';
import type { Notice, Snapshot } from '../state.js';
import type { PodColors } from './colors.js';
import { byId, make, setText } from './dom.js';
import { EventClient } from './event-client.js';
import { formatTime, shortName } from './format.js';
import type { Tunnel } from './tunnel.js';

const MOST_ROWS = 200;
const MOST_STREAMS = 8;
const MOST_TEXT = 2_000;

interface Follower {
  readonly stream: string;
  readonly client: EventClient;
}

/** The live feed: events of the streams that are followed, and what happens to pods. */
export class Feed {
  readonly #tunnel: Tunnel;
  readonly #colors: PodColors;
  readonly #list = byId('events', HTMLOListElement);
  readonly #input = byId('feed-streams', HTMLInputElement);
  readonly #note = byId('feed-note', HTMLElement);
  readonly #pause = byId('feed-pause', HTMLButtonElement);
  #followers: readonly Follower[] = [];
  #waiting: HTMLLIElement[] = [];
  #drawing = false;
  #count = 0;

  constructor(tunnel: Tunnel, colors: PodColors) {
    this.#tunnel = tunnel;
    this.#colors = colors;
    byId('feed-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#follow();
    });
    this.#pause.addEventListener('click', () => this.#setPaused(!this.#paused));
    byId('feed-clear', HTMLButtonElement).addEventListener('click', () => this.#clear());
    const aloud = byId('feed-aloud', HTMLInputElement);
    aloud.addEventListener('change', () => this.#list.setAttribute('aria-live', aloud.checked ? 'polite' : 'off'));
  }

  start(): void {
    if (this.#followers.length === 0) this.#follow();
  }

  /** Names of streams to choose from. */
  update({ streams }: Snapshot): void {
    const list = byId('streams', HTMLDataListElement);
    const names = streams.map(({ name }) => name);
    if (names.join('\n') === [...list.children].map((child) => child.getAttribute('value')).join('\n')) return;
    list.replaceChildren(...names.map((value) => make('option', { attributes: { value } })));
  }

  notice({ time, pod, kind, text }: Notice): void {
    const row = make('li', {
      class: `notice ${kind} ${this.#colors.classOf(pod)}`,
      children: [
        make('time', { text: formatTime(time) }),
        make('span', { class: 'pod', text: shortName(pod) }),
        make('span', { class: 'data', text: `${pod} ${text}` }),
      ],
    });
    this.#add(row);
  }

  get #paused(): boolean {
    return this.#pause.getAttribute('aria-pressed') === 'true';
  }

  #follow(): void {
    for (const { client } of this.#followers) client.stop();
    const names = [...new Set(this.#input.value.split(/[,\s]+/).filter((name) => name !== ''))].slice(0, MOST_STREAMS);
    this.#followers = names.map((stream) => {
      const client = new EventClient(this.#tunnel, stream, {
        event: (event) => this.#event(stream, client.pod, event),
        changed: () => this.#describe(),
      });
      return { stream, client };
    });
    for (const { client } of this.#followers) client.start();
    this.#describe();
  }

  #describe(): void {
    const troubled = this.#followers.find(({ client }) => client.state === 'waiting' && client.trouble !== '');
    const pods = new Set(
      this.#followers.filter(({ client }) => client.state === 'open').map(({ client }) => client.pod),
    );
    const where = pods.size === 0 ? 'connecting' : `through ${[...pods].map(shortName).join(', ')}`;
    setText(this.#note, troubled === undefined ? `${this.#count} events, ${where}` : troubled.client.trouble);
  }

  #event(stream: string, pod: string, { type, data }: ParsedEvent): void {
    this.#count += 1;
    const row = make('li', {
      class: type === 'gap' ? 'gap' : this.#colors.classOf(pod),
      children: [
        make('time', { text: formatTime(new Date().getTime()) }),
        make('span', { class: 'pod', text: shortName(pod), attributes: { title: `by ${pod}` } }),
        make('span', { class: 'stream', text: type === 'message' ? stream : `${stream} ${type}` }),
        make('span', { class: 'data', text: data.length > MOST_TEXT ? `${data.slice(0, MOST_TEXT)}…` : data }),
      ],
    });
    this.#add(row);
  }

  /** Rows go in once per frame, however many events come. */
  #add(row: HTMLLIElement): void {
    this.#waiting.push(row);
    if (this.#waiting.length > MOST_ROWS) this.#waiting.shift();
    if (this.#drawing || this.#paused) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#drawing = false;
    if (this.#paused) return;
    this.#list.prepend(...this.#waiting.toReversed());
    this.#waiting = [];
    while (this.#list.children.length > MOST_ROWS) this.#list.lastElementChild?.remove();
    this.#describe();
  }

  #setPaused(paused: boolean): void {
    this.#pause.setAttribute('aria-pressed', String(paused));
    setText(this.#pause, paused ? 'Go on' : 'Pause');
    if (!paused) this.#draw();
  }

  #clear(): void {
    this.#waiting = [];
    this.#list.replaceChildren();
  }
}
