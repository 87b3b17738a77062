/** What a page is made from. */
export interface PageData {
  /** testharness.js */
  readonly harness: string;
  /** The scripts that the file names, and the file. */
  readonly scripts: readonly string[];
  readonly url: string;
  readonly title: string;
}

/** How one test of a page went. */
export interface PageResult {
  readonly name: string;
  readonly passed: boolean;
  readonly message: string;
}
