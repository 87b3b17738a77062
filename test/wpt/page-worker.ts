import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PageData } from './types.js';

/** The `Worker` of a page in Node: a thread with the same globals, as far as these files use one. */
export class PageWorker extends EventTarget {
  /** Called with each message. */
  onmessage: ((event: MessageEvent) => unknown) | null = null;

  constructor(page: PageData, path: string) {
    super();
    const url = new URL(path, page.url);
    const file = join(page.root, url.pathname);
    const data: PageData = { ...page, url: url.href, scripts: [{ file }], worker: true };
    const worker = new Worker(new URL('page-main.js', import.meta.url), { workerData: data });
    worker.on('message', (message: unknown) => this.onmessage?.(new MessageEvent('message', { data: message })));
  }
}
