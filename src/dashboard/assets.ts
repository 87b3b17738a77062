import { readFile } from 'node:fs/promises';

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

const FILES: Readonly<Record<string, string>> = {
  'dashboard.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'licenses.txt': 'text/plain; charset=utf-8',
};
const NONCE = '{{nonce}}';

/** The page and what it loads, as the build made them; each is read once. */
export class Assets {
  readonly #folder: URL;
  readonly #files = new Map<string, Promise<Buffer>>();

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** A file by its name; `undefined` for one that is none of the page's. @throws what reading throws. */
  async file(name: string): Promise<Asset | undefined> {
    const type = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
    return type === undefined ? undefined : { type, bytes: await this.#read(name) };
  }

  /** The page, whose scripts and styles carry the nonce. @throws what reading throws. */
  async page(nonce: string): Promise<string> {
    return (await this.#read('index.html')).toString().replaceAll(NONCE, nonce);
  }

  #read(name: string): Promise<Buffer> {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = readFile(new URL(name, this.#folder));
      this.#files.set(name, file);
      // It may be built later.
      file.catch(() => this.#files.delete(name));
    }
    return file;
  }
}
