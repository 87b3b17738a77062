import { systemClock } from '../../clock/clock.js';
import type { Timer } from '../../clock/clock.js';
import { byId } from './dom.js';

const SHOWN = 5_000;

/** Says one thing at a time, to eyes and to screen readers. */
export class Toast {
  readonly #element = byId('toast', HTMLElement);
  #timer: Timer | undefined;

  say(text: string): void {
    this.#element.textContent = text;
    this.#timer?.cancel();
    this.#timer = systemClock.setTimeout(() => (this.#element.textContent = ''), SHOWN);
  }
}
