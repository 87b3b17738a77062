/**
 * Lets style sheets that scripts make (xterm.js makes some) pass the page's policy: each gets the nonce of the page's own
 * script. What comes with HTML gets none.
 */
export function allowOwnStyles(): void {
  const nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? '';
  const create = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = create(name, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  }) as typeof document.createElement;
}
