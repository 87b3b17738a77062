import type { Snapshot } from '../state.js';
import { offerPods } from './choose-pod.js';
import { byId, setText } from './dom.js';
import type { Tunnel } from './tunnel.js';

/** Characters that are kept on the page. */
const MOST_TEXT = 200_000;

/** The log of a pod, as it grows. */
export class PodLogs {
  readonly #tunnel: Tunnel;
  readonly #output = byId('logs', HTMLPreElement);
  readonly #pod = byId('logs-pod', HTMLSelectElement);
  readonly #note = byId('logs-note', HTMLElement);
  #stop = new AbortController();

  constructor(tunnel: Tunnel) {
    this.#tunnel = tunnel;
    byId('logs-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.follow(this.#pod.value);
    });
  }

  update({ pods }: Snapshot): void {
    offerPods(this.#pod, pods);
  }

  /** Follows the log of a pod, in place of another one's. */
  follow(pod: string): void {
    if (pod === '') return;
    this.#pod.value = pod;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#output.textContent = '';
    void this.#read(pod, this.#stop.signal);
  }

  async #read(pod: string, signal: AbortSignal): Promise<void> {
    setText(this.#note, `Following ${pod}.`);
    const decoder = new TextDecoder();
    try {
      const { chunks } = await this.#tunnel.open(`/logs/${encodeURIComponent(pod)}?tail=300`, '', signal);
      for await (const chunk of chunks) this.#append(decoder.decode(chunk, { stream: true }));
      setText(this.#note, 'The log ended: the container did.');
    } catch {
      if (!signal.aborted) setText(this.#note, 'The log broke off.');
    }
  }

  #append(text: string): void {
    const output = this.#output;
    const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 20;
    const all = (output.textContent ?? '') + text;
    output.textContent = all.length > MOST_TEXT ? all.slice(-MOST_TEXT) : all;
    if (atEnd) output.scrollTop = output.scrollHeight;
  }
}
