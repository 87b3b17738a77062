import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize, sep } from 'node:path';
import type { ServerResponse } from 'node:http';
import { serve, type EventServer } from '../support/event-streams.js';
import { wptHandlers } from '../support/wpt-handlers.js';
import { documentFor, REPORT_SCRIPT, workerFor } from './documents.js';
import type { Page } from './types.js';

/** The host that pages come from, as in the suite's own set-up; any name below it is another origin. */
export const HOST = 'web-platform.test';

const TYPES: Readonly<Record<string, string>> = {
  '.htm': 'text/html',
  '.html': 'text/html',
  '.js': 'text/javascript',
};

/** What is served of the copy: its files, what wptserve makes of them, and the handlers by ours. */
export interface PageServer extends EventServer {
  readonly port: number;
}

export async function servePages(root: string, pages: readonly Page[]): Promise<PageServer> {
  const handle = wptHandlers();
  const made = new Map<string, [type: string, text: string]>([
    ['/resources/testharnessreport.js', ['text/javascript', REPORT_SCRIPT]],
  ]);
  for (const page of pages) {
    if (page.kind === 'html') continue;
    made.set(`/eventsource/${page.name}`, ['text/html', documentFor(page)]);
    if (page.source.endsWith('.any.js')) {
      made.set(`/eventsource/${page.source.replace(/\.js$/, '.worker.js')}`, ['text/javascript', workerFor(page)]);
    }
  }
  const server = await serve(async (request, response) => {
    if (await handle(request, response)) return;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const [type, text] = made.get(pathname) ?? readStatic(root, pathname) ?? [];
    if (type === undefined) response.writeHead(404).end();
    else sendText(response, type, text ?? '');
  });
  return Object.assign(server, { port: Number(new URL(server.url).port) });
}

function readStatic(root: string, pathname: string): [type: string, text: string] | undefined {
  const file = normalize(join(root, decodeURIComponent(pathname)));
  const type = TYPES[extname(file)];
  if (type === undefined || !file.startsWith(root + sep) || !existsSync(file)) return undefined;
  return [type, readFileSync(file, 'utf8')];
}

function sendText(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store' }).end(text);
}
