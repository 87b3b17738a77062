import type { ServerResponse } from 'node:http';
import { deferred, type Deferred } from '../clock/deferred.js';
import { InvalidArgumentError } from '../errors/index.js';
import type { APIFault, FaultScope, SeenRequest, WatchFault } from './fault.js';
import { statusError } from './status-error.js';
import { WatchOutput } from './watch-output.js';

interface OpenWatch {
  readonly resource: string;
  readonly output: WatchOutput;
}

/**
 * Does to the clients of an `APIServer` what API servers and networks do: give it as `faults`. A script decides on the
 * next requests, a rule on all of them, and the rest acts on watches that are open. All of it can be limited to a resource.
 * For tests: what a client survives here it survives there.
 */
export class APIFaults {
  readonly #scripts: { readonly scope: FaultScope; readonly steps: APIFault[] }[] = [];
  #rules: { readonly scope: FaultScope; readonly fault: APIFault }[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #awaited = new Set<{ readonly scope: FaultScope; readonly seen: Deferred<SeenRequest> }>();
  #refusing = false;

  /** The next requests of `scope` take one step each; those after them pass. */
  script(scope: FaultScope, ...steps: readonly APIFault[]): void {
    this.#scripts.push({ scope, steps: [...steps] });
  }

  /** What befalls every request of `scope` that no script decides on, until {@link clear}. */
  always(scope: FaultScope, fault: APIFault): void {
    this.#rules.push({ scope, fault });
  }

  /** Forgets scripts and rules, and takes connections again. Watches that stall go on stalling; see {@link resume}. */
  clear(): void {
    this.#scripts.length = 0;
    this.#rules = [];
    this.#refusing = false;
  }

  /** Resets every connection from now on, until {@link clear}, and destroys open watches: a server that is not there. */
  refuse(): void {
    this.#refusing = true;
    this.kill();
  }

  /** Whether connections are reset at present. */
  get refusing(): boolean {
    return this.#refusing;
  }

  /** Destroys the connections of open watches; returns how many. */
  kill(scope: FaultScope = {}): number {
    return this.#onWatches(scope, { kind: 'kill' });
  }

  /** Open watches end in order; returns how many. */
  end(scope: FaultScope = {}): number {
    return this.#onWatches(scope, { kind: 'end' });
  }

  /** Open watches send nothing any more, though their connections stay; returns how many. */
  stall(scope: FaultScope = {}): number {
    return this.#onWatches(scope, { kind: 'stall' });
  }

  /** Stalled watches send what they have missed, and go on. */
  resume(scope: FaultScope = {}): void {
    for (const { output } of this.#open(scope)) output.resume();
  }

  /** Open watches get an ERROR event with 410 and end; returns how many. */
  gone(scope: FaultScope = {}): number {
    return this.#onWatches(scope, { kind: 'gone' });
  }

  /** Open watches send half a line and break off, or end in order; returns how many. */
  truncate(scope: FaultScope = {}, how: 'reset' | 'end' = 'reset'): number {
    return this.#onWatches(scope, { kind: 'truncate', how });
  }

  /** How many watches are open. */
  watching(scope: FaultScope = {}): number {
    return this.#open(scope).length;
  }

  /** The next request of `scope`, when it comes; a watch is open by then, if nothing befell it. */
  nextRequest(scope: FaultScope = {}): Promise<SeenRequest> {
    const seen = deferred<SeenRequest>();
    this.#awaited.add({ scope, seen });
    return seen.promise;
  }

  /**
   * Decides on a request that came.
   *
   * @returns how to serve it, or `undefined` when a fault has answered it or left it without answer.
   * @throws StatusError for an error in answer.
   */
  admit(
    request: SeenRequest,
    response: ServerResponse,
    signal: AbortSignal,
  ): { readonly output: () => WatchOutput } | undefined {
    const fault = this.#decide(request);
    const announce = (): void => this.#announce(request);
    // After the request was served as far as it is at once.
    queueMicrotask(announce);
    if (fault.kind === 'unavailable') throw unavailable(fault);
    if (fault.kind === 'gone' && (fault.form === 'status' || request.verb !== 'watch')) {
      const subject =
        request.verb === 'list' ? 'provided continue parameter' : 'resourceVersion for the provided watch';
      throw statusError(410, `The ${subject} is too old.`, 'Expired');
    }
    if (fault.kind === 'none') return { output: () => this.#watch(request, new WatchOutput(response), response) };
    if (fault.kind !== 'silence' && request.verb === 'watch') {
      return { output: () => this.#watch(request, new WatchOutput(response, fault), response) };
    }
    hold(fault, response, signal);
    return undefined;
  }

  #decide({ resource, verb }: SeenRequest): APIFault {
    const meant = ({ scope }: { readonly scope: FaultScope }): boolean =>
      (scope.resource ?? resource) === resource && (scope.verb ?? verb) === verb;
    const script = this.#scripts.find((one) => one.steps.length > 0 && meant(one));
    return script?.steps.shift() ?? this.#rules.findLast(meant)?.fault ?? { kind: 'none' };
  }

  #announce(request: SeenRequest): void {
    for (const one of this.#awaited) {
      const { resource = request.resource, verb = request.verb } = one.scope;
      if (resource !== request.resource || verb !== request.verb) continue;
      this.#awaited.delete(one);
      one.seen.resolve(request);
    }
  }

  #watch({ resource }: SeenRequest, output: WatchOutput, response: ServerResponse): WatchOutput {
    const watch: OpenWatch = { resource, output };
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
    return output;
  }

  #open({ resource, verb = 'watch' }: FaultScope): readonly OpenWatch[] {
    if (verb !== 'watch') throw new InvalidArgumentError(`only watches stay open; a ${verb} does not`);
    return [...this.#watches].filter((watch) => (resource ?? watch.resource) === watch.resource);
  }

  #onWatches(scope: FaultScope, fault: WatchFault): number {
    const open = this.#open(scope);
    for (const { output } of open) output.fail(fault);
    return open.length;
  }
}

function unavailable({ code = 503, retryAfterSeconds }: APIFault & { readonly kind: 'unavailable' }): Error {
  const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  return statusError(code, 'the server is currently unable to handle the request', undefined, details, headers);
}

/** Half of a list. */
const HALF = '{"kind":"List","apiVersion":"v1","items":[{"metadata":{"na';

/** Begins an answer, if at all, and leaves it at that, breaks it off, or ends it too soon. */
function hold({ kind }: APIFault, response: ServerResponse, signal: AbortSignal): void {
  const destroy = (): void => void response.destroy();
  if (kind === 'kill') return destroy();
  signal.addEventListener('abort', destroy, { once: true });
  if (kind === 'silence') return;
  response.writeHead(200, { 'Content-Type': 'application/json' });
  if (kind === 'end') response.end(HALF);
  else response.write(HALF, kind === 'truncate' ? destroy : () => {});
}
