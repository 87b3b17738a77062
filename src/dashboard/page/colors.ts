/** Number of colours in the style sheet. */
const COLORS = 8;

/** Gives each pod a colour for as long as it is there; those of pods that are gone are given again. */
export class PodColors {
  readonly #colors = new Map<string, number>();

  update(names: readonly string[]): void {
    const there = new Set(names);
    for (const name of this.#colors.keys()) if (!there.has(name)) this.#colors.delete(name);
    for (const name of names) {
      if (this.#colors.has(name)) continue;
      const used = new Set(this.#colors.values());
      const free = Array.from({ length: COLORS }, (_, color) => color).find((color) => !used.has(color));
      this.#colors.set(name, free ?? this.#colors.size % COLORS);
    }
  }

  /** The class with a pod's colour in `--pod`; that of no pod for one that is not there. */
  classOf(name: string): string {
    const color = this.#colors.get(name);
    return color === undefined ? 'pod-none' : `pod-${color}`;
  }
}
