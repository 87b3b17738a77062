import { byId } from './dom.js';

/** Tabs as the ARIA practices have them: one is in the order of Tab, arrows go from one to the next. */
export class Tabs {
  readonly #tabs: readonly HTMLElement[];

  constructor(ids: readonly string[]) {
    this.#tabs = ids.map((id) => byId(id, HTMLElement));
    for (const [index, tab] of this.#tabs.entries()) {
      tab.addEventListener('click', () => this.select(tab.id));
      tab.addEventListener('keydown', ({ key }) => {
        const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
        if (step === 0) return;
        const next = this.#tabs.at((index + step) % this.#tabs.length);
        if (next === undefined) return;
        this.select(next.id);
        next.focus();
      });
    }
  }

  select(id: string): void {
    for (const tab of this.#tabs) {
      const chosen = tab.id === id;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      byId(tab.getAttribute('aria-controls') ?? '', HTMLElement).hidden = !chosen;
    }
  }
}
