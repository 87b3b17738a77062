import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../clock/clock.js';
import { failureStatus } from '../httpstream/index.js';
import type { RequestContext } from './context.js';
import { parseListOptions, selectorOf, type ListOptions, type Selector } from './list-options.js';
import { negotiate } from './negotiate.js';
import type { KubernetesObject } from './objects.js';
import type { Resource } from './resource.js';
import type { StoreEvent } from './store.js';
import { tooLarge } from './page.js';
import { includeObjectOf, tableOf, type IncludeObject } from './table.js';
import { WatchOutput } from './watch-output.js';

/** Least seconds that a watch lives when the client does not say; it ends at random between this and twice as much. */
const MIN_REQUEST_TIMEOUT = 1800;
const BOOKMARK_PERIOD = 60_000;
/** Milliseconds before its end in which a watch sends a last bookmark. */
const LAST_BOOKMARK = 2_000;

/** What a watch needs beside the request. */
export interface WatchEnvironment {
  readonly clock: Clock;
  /** From 0 to 1, to spread the ends of watches. */
  readonly random: () => number;
}

/**
 * Serves `watch`: one JSON document per change and line. Changes are read from the store's history as fast as the client
 * takes them, so that a slow client costs no memory; one that the history overtakes is told so with 410.
 *
 * Sources: apiserver `handlers/watch.go` and `handlers/get.go`.
 */
export function serveWatch<T extends KubernetesObject>(
  resource: Resource<T>,
  { req, info, query, signal }: RequestContext,
  response: ServerResponse,
  { clock, random }: WatchEnvironment,
  openOutput: () => WatchOutput = () => new WatchOutput(response),
): void {
  const options = parseListOptions(query, 'watch');
  const render = renderer(resource, negotiate(req), includeObjectOf(query));
  // The name of a request is in the selector, save in the old form of the path.
  const byName: Selector<T> = (object) => info.name === '' || object.metadata.name === info.name;
  const namespace = resource.namespaced ? info.namespace : '';
  const bySelectors = selectorOf<T>(namespace, query, (object) => resource.fieldsOf(object), resource.fieldNames);
  const selected: Selector<T> = (object) => byName(object) && bySelectors(object);
  const { version } = resource.objects.list();
  const after = Number(options.resourceVersion || 0);
  if (after > version) throw tooLarge(after, version);
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
  });
  response.flushHeaders();
  if (req.method === 'HEAD') {
    response.end();
    return;
  }
  const output = openOutput();
  const watcher = new Watcher(resource, selected, render, output);
  const timers = new Set<Timer>();
  const stop = (end: () => void): void => {
    unsubscribe();
    signal.removeEventListener('abort', close);
    for (const timer of timers) timer.cancel();
    end();
  };
  const close = (): void => stop(() => output.close());
  const pump = (): void => {
    if (!watcher.pump()) close();
  };
  const unsubscribe = resource.objects.subscribe(pump);
  signal.addEventListener('abort', close);
  output.onDrain = pump;
  output.onCut = close;
  response.once('close', close);
  const milliseconds = lifetime(options, random);
  timers.add(clock.setTimeout(() => stop(() => output.end()), milliseconds));
  if (options.allowWatchBookmarks) {
    keepBookmarking(watcher, clock, timers);
    if (milliseconds > LAST_BOOKMARK) {
      timers.add(clock.setTimeout(() => watcher.bookmark(), milliseconds - LAST_BOOKMARK));
    }
  }
  watcher.start(after);
  output.begin();
  pump();
  if (signal.aborted) close();
}

function lifetime({ timeoutSeconds }: ListOptions, random: () => number): number {
  return 1000 * (timeoutSeconds || MIN_REQUEST_TIMEOUT * (1 + random()));
}

function keepBookmarking(watcher: { bookmark(): void }, clock: Clock, timers: Set<Timer>): void {
  const timer = clock.setTimeout(() => {
    timers.delete(timer);
    watcher.bookmark();
    keepBookmarking(watcher, clock, timers);
  }, BOOKMARK_PERIOD);
  timers.add(timer);
}

type Render<T> = (object: T, first: boolean) => unknown;

function renderer<T extends KubernetesObject>(
  resource: Resource<T>,
  form: ReturnType<typeof negotiate>,
  includeObject: IncludeObject,
): Render<T> {
  if (form.as === 'object') return (object) => object;
  return (object, first) => {
    const { resourceVersion = '' } = object.metadata;
    const metadata = { resourceVersion };
    return tableOf(resource.table, [object], { version: form.version, includeObject, columns: first, metadata });
  };
}

/** One client's position in a store's history. */
class Watcher<T extends KubernetesObject> {
  readonly #resource: Resource<T>;
  readonly #selected: Selector<T>;
  readonly #render: Render<T>;
  readonly #output: WatchOutput;
  #version = 0;
  #initial: readonly T[] = [];
  #first = true;

  constructor(resource: Resource<T>, selected: Selector<T>, render: Render<T>, output: WatchOutput) {
    this.#resource = resource;
    this.#selected = selected;
    this.#render = render;
    this.#output = output;
  }

  /** Begins after a version, or with 0 by sending the current state as additions. */
  start(version: number): void {
    this.#version = version;
    if (version !== 0) return;
    const state = this.#resource.objects.list();
    this.#version = state.version;
    this.#initial = state.items.filter(this.#selected);
  }

  /** Writes what the client takes now; false when the watch must end. */
  pump(): boolean {
    if (this.#output.stalled) return true;
    while (this.#initial.length > 0 && this.#output.writable) {
      const [object, ...rest] = this.#initial;
      this.#initial = rest;
      if (object !== undefined) this.#output.write('ADDED', this.#render(object, this.#first));
      this.#first = false;
    }
    if (this.#initial.length > 0) return true;
    const changes = this.#resource.objects.changesAfter(this.#version);
    if (changes === undefined) {
      const message = `too old resource version: ${this.#version} (${this.#resource.objects.list().version})`;
      this.#output.write('ERROR', failureStatus(410, message, 'Expired'));
      return false;
    }
    for (const change of changes) {
      if (!this.#output.writable) break;
      this.#version = change.version;
      this.#change(change);
    }
    return true;
  }

  /** Tells the client how far it has come. */
  bookmark(): void {
    if (!this.#output.writable || this.#initial.length > 0) return;
    const { kind, apiVersion, objects } = this.#resource;
    // Where nothing is outstanding, the client has come as far as all stores have.
    if (objects.changesAfter(this.#version)?.length === 0) this.#version = objects.list().version;
    this.#output.write('BOOKMARK', { kind, apiVersion, metadata: { resourceVersion: String(this.#version) } });
  }

  #change({ type, object, previous }: StoreEvent<T>): void {
    const before = previous !== undefined && this.#selected(previous);
    const now = type !== 'DELETED' && this.#selected(object);
    if (!before && !now) return;
    // What leaves or enters the selection is deleted or added, as far as this client sees.
    this.#output.write(before ? (now ? 'MODIFIED' : 'DELETED') : 'ADDED', this.#render(object, this.#first));
    this.#first = false;
  }
}
