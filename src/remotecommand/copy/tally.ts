import type { CopyOptions, CopyResult } from './options.js';

/** Counts what is copied, and tells those who want to know. */
export class Tally {
  readonly #options: CopyOptions;
  #files = 0;
  #bytes = 0;
  #warnings = 0;
  #path = '';
  #total: number | undefined;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  get result(): CopyResult {
    return { files: this.#files, bytes: this.#bytes, warnings: this.#warnings };
  }

  /** A file begins; `total` is its size where it is the only one. */
  begin(path: string, total?: number): void {
    this.#path = path;
    this.#total = total;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#report();
  }

  done(): void {
    this.#files++;
    this.#report();
  }

  warn(message: string, path?: string): void {
    this.#warnings++;
    this.#options.onWarning?.({ message, ...(path === undefined ? {} : { path }) });
  }

  #report(): void {
    this.#options.onProgress?.({
      path: this.#path,
      bytes: this.#bytes,
      files: this.#files,
      ...(this.#total === undefined ? {} : { totalBytes: this.#total }),
    });
  }
}
