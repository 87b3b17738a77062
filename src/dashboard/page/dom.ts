/** An element of the page by its id. @throws TypeError when it is not there, or another kind of element. */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const found = document.querySelector(`#${id}`);
  if (found instanceof kind) return found;
  throw new TypeError(`the page has no #${id} of this kind`);
}

/** What an element is made with. */
export interface Made {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly (Node | string)[];
  readonly onClick?: () => void;
}

/** Makes an HTML element. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, made: Made = {}): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, made);
  if (made.onClick !== undefined) element.addEventListener('click', made.onClick);
  return element;
}

/** Makes an SVG element. */
export function draw<K extends keyof SVGElementTagNameMap>(tag: K, made: Made = {}): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  dress(element, made);
  return element;
}

function dress(element: Element, { class: classes, text, attributes = {}, children = [] }: Made): void {
  if (classes !== undefined) element.setAttribute('class', classes);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
}

/** Changes a text only when it differs, so that selections and readers are left alone. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Changes attributes only when they differ. */
export function setAttributes(element: Element, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/**
 * Keeps one element per item, in their order: those that stay are changed and not replaced, so that focus stays where it is.
 */
export class Keyed<T, E extends Element> {
  readonly #parent: Element;
  readonly #create: (item: T) => E;
  readonly #elements = new Map<string, E>();

  constructor(parent: Element, create: (item: T) => E) {
    this.#parent = parent;
    this.#create = create;
  }

  get(key: string): E | undefined {
    return this.#elements.get(key);
  }

  update(items: readonly T[], keyOf: (item: T) => string, change: (element: E, item: T) => void): void {
    const keys = new Set(items.map(keyOf));
    for (const [key, element] of this.#elements) {
      if (keys.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
    }
    for (const [index, item] of items.entries()) {
      const key = keyOf(item);
      let element = this.#elements.get(key);
      if (element === undefined) this.#elements.set(key, (element = this.#create(item)));
      const there = this.#parent.children[index];
      if (there !== element) this.#parent.insertBefore(element, there ?? null);
      change(element, item);
    }
  }
}

/** Whether the user has nothing against things that move. */
export function mayMove(): boolean {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches;
}
