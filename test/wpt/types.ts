/** One page of the suite: a document of its own, or what wptserve makes of a script. */
export interface Page {
  /** Path below eventsource/ with the ending of the variant, such as `format-bom.any.worker.html`. */
  readonly name: string;
  /** The file it comes from, below eventsource/. */
  readonly source: string;
  /** `html` is a document; the others are made from a script, by where it runs. */
  readonly kind: 'html' | 'window' | 'worker' | 'sharedworker';
  /** Scripts that the file asks for besides testharness.js, as it names them. */
  readonly scripts: readonly string[];
  readonly title: string;
  /** For the extended time. */
  readonly long: boolean;
}

/** How one test of a page went. */
export interface PageResult {
  readonly name: string;
  readonly passed: boolean;
  readonly message: string;
}

/** Where pages run. */
export interface PageRunner extends AsyncDisposable {
  /** Why a page cannot run here. */
  reasonToSkip(page: Page): string | undefined;
  /** Why a test fails here that is not about us. */
  knownFailure(page: Page, test: string): string | undefined;
  run(page: Page): Promise<PageResult[]>;
}

/** What a worker thread makes a page from. */
export interface PageData {
  readonly root: string;
  readonly url: string;
  readonly title: string;
  /** Files and source texts to run, in order; the first is testharness.js. */
  readonly scripts: readonly PageScript[];
  /** A worker of a page, which has no harness of its own. */
  readonly worker: boolean;
}

export interface PageScript {
  readonly file: string;
  /** Where it is inline. */
  readonly text?: string;
}
