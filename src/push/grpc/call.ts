import { Alarm } from '../../clock/alarm.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { Budget } from '../../limits/budget.js';
import { InvalidCursorError, LogClosedError } from '../log/errors.js';
import { checkTargets, isPattern } from '../log/names.js';
import type { EndReason, StartPosition } from '../log/types.js';
import { checkVerdict, type WatchAuthorize } from './options.js';
import { CallOutlet } from './outlet.js';
import { isReceivedRequest, type CreateRequest, type ReceivedRequest } from './request.js';
import type { WatchHost } from './service.js';
import { startOf } from './start.js';
import { STATUS, type WatchCall } from './types.js';
import type { Watch } from './watch.js';

/** Stands for no watch, or for all of a call; as in etcd. */
const NO_WATCH = '-1';
/** Requests that may wait for the one before. */
const MOST_WAITING = 128;
const AHEAD = 'the required revision lies ahead of this run';
const SHUTTING_DOWN = 'the server is shutting down';
const COMPACTED = 'the required revision has been compacted';

/** One call of the method Watch, with its watches. */
export class WatchCallSession {
  readonly #call: WatchCall;
  readonly #peer: string;
  readonly #host: WatchHost;
  readonly #outlet: CallOutlet;
  readonly #budget: Budget;
  readonly #firstWatch: Alarm;
  readonly #watches = new Map<string, Watch>();
  /** Watches that may have something to send, the one that waited longest first. */
  readonly #ready = new Set<Watch>();
  #nextId = 0;
  #progressAsked = false;
  /** Requests that wait for the one before, or for room. */
  readonly #waiting: ReceivedRequest[] = [];
  #waitingBytes = 0;
  readonly #mayWait: number;
  /** A request is being looked at. */
  #busy = false;
  #halfClosed = false;
  #over = false;
  #pumping = false;
  #working = false;

  constructor(call: WatchCall, host: WatchHost) {
    const { clock } = host.log;
    const { createTimeout, requestBurst, requestsPerSecond, writeTimeout } = host.settings;
    this.#call = call;
    // Once the connection is gone, nobody knows it any more.
    this.#peer = call.getPeer();
    this.#host = host;
    // One that is as long as it may be, and usual ones.
    this.#mayWait = 2 * host.settings.maxRequestBytes;
    this.#budget = new Budget(requestBurst, requestsPerSecond, clock.now());
    this.#outlet = new CallOutlet(
      call,
      clock,
      writeTimeout,
      () => this.#pump(),
      () => this.#leave('stalled'),
    );
    this.#firstWatch = new Alarm(clock, () => {
      this.#end('timeout', STATUS.deadlineExceeded, `no watch was created within ${createTimeout} ms`);
    });
    this.#firstWatch.set(clock.now() + createTimeout);
    // A call that fails must not end the process.
    call.on('error', () => {});
    call.on('cancelled', () => this.#leave('left'));
    call.on('close', () => this.#leave('left'));
    call.on('end', () => {
      this.#halfClosed = true;
      this.#endIfDone();
    });
    call.on('data', (request) => this.#receive(request));
  }

  /** Ends the call, so that its client calls again. */
  close(): void {
    this.#end('closed', STATUS.unavailable, SHUTTING_DOWN);
  }

  #receive(received: unknown): void {
    if (this.#over || !isReceivedRequest(received)) return;
    const { request } = received;
    if (request.kind === 'malformed') return this.#end('protocol', STATUS.invalidArgument, request.reason);
    this.#waitingBytes += received.bytes;
    const { clock } = this.#host.log;
    if (
      !this.#budget.spend(clock.now()) ||
      this.#waiting.length >= MOST_WAITING ||
      this.#waitingBytes > this.#mayWait
    ) {
      return this.#end('protocol', STATUS.resourceExhausted, 'the call sends too many requests');
    }
    this.#waiting.push(received);
    this.#work();
  }

  /**
   * Requests are looked at one by one, and not while the client leaves the answers unread. Reading goes on meanwhile:
   * otherwise Node would not tell that the client has cancelled.
   */
  #work(): void {
    if (this.#working) return;
    this.#working = true;
    while (!this.#busy && !this.#over && this.#outlet.hasRoom) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const { request, bytes } = next;
      this.#waitingBytes -= bytes;
      if (request.kind === 'create') this.#create(request);
      else if (request.kind === 'cancel') this.#cancel(request.watchId);
      else if (request.kind === 'progress') this.#askProgress();
    }
    this.#working = false;
    this.#endIfDone();
  }

  #create(request: CreateRequest): void {
    const streams = this.#checkedStreams(request);
    if (streams === undefined) return;
    const checked = { ...request, streams };
    const { authorize } = this.#host.settings;
    if (authorize === undefined) this.#begin(checked, this.#peer);
    else void this.#createIf(authorize, checked);
  }

  async #createIf(authorize: WatchAuthorize, request: CreateRequest): Promise<void> {
    this.#busy = true;
    try {
      const verdict = checkVerdict(await authorize(this.#call, request.streams));
      if (this.#over) return;
      if (verdict === false) this.#refuse('permission denied');
      else if (verdict === true) this.#begin(request, this.#peer);
      else if ('peer' in verdict) this.#begin(request, verdict.peer);
      else this.#end('left', verdict.code, verdict.details);
    } catch (error) {
      this.#host.settings.logger.error({ err: error }, 'the authorize hook of the gRPC watch failed');
      this.#end('left', STATUS.internal, 'the caller could not be authorized');
    } finally {
      this.#busy = false;
      this.#work();
    }
  }

  /** The names in one order, or `undefined` after refusing them. */
  #checkedStreams({ streams, watchId }: CreateRequest): readonly string[] | undefined {
    const { maxWatches, wildcards } = this.#host.settings;
    if (this.#watches.size >= maxWatches) return this.#refuse(`a call has at most ${maxWatches} watches`);
    if (watchId !== '0' && (this.#watches.has(watchId) || watchId === NO_WATCH)) {
      return this.#refuse('the watch_id is in use');
    }
    if (!wildcards && streams.some(isPattern)) return this.#refuse('patterns are not allowed in streams (wildcards)');
    try {
      return checkTargets(streams);
    } catch (error) {
      if (error instanceof InvalidArgumentError) return this.#refuse(error.message);
      throw error;
    }
  }

  #begin(request: CreateRequest, peer: string): void {
    const found = startOf(request, this.#host.log, this.#host.settings.ahead);
    if ('refusal' in found) return void this.#refuse(found.refusal);
    const id = request.watchId === '0' ? this.#freeId() : request.watchId;
    if ('compacted' in found) {
      // As etcd does: created, and cancelled by the first thing it has to say.
      this.#answer(id, { created: true }, 0);
      return this.#answerCompacted(id, request.streams, '', found.ahead === true ? AHEAD : COMPACTED);
    }
    try {
      this.#follow(id, request, found.start, found.byRevision, peer);
    } catch (error) {
      this.#notFollowed(error);
    }
  }

  #follow(
    id: string,
    { streams, progressNotify }: CreateRequest,
    start: StartPosition,
    byRevision: boolean,
    peer: string,
  ): void {
    const follower = this.#host.log.follow({
      streams,
      start,
      framer: this.#host.framer,
      transport: 'grpc',
      peer,
      // Who counts by revision is told as etcd tells it; who has a cursor is told of the gap and goes on.
      whenOvertaken: byRevision ? 'drop' : 'gap',
      onReady: () => {
        this.#ready.add(watch);
        this.#pump();
      },
      onEnd: (reason) => this.#ended(watch, reason),
    });
    const watch: Watch = {
      id,
      streams,
      follower,
      active: false,
      tellProgress: () => this.#tellProgress(watch),
    };
    this.#watches.set(id, watch);
    this.#firstWatch.cancel();
    if (progressNotify) this.#host.progress.add(watch);
    this.#answer(id, { created: true }, this.#revisionAt(start), follower.cursor);
    this.#ready.add(watch);
    this.#pump();
  }

  /** Up to where a watch that begins there lacks nothing; 0: not known. */
  #revisionAt(start: StartPosition): number {
    const { index } = this.#host.log;
    if (start === 'now') return index;
    return typeof start === 'object' && 'index' in start ? Math.min(start.index - 1, index) : 0;
  }

  #notFollowed(error: unknown): void {
    if (
      error instanceof InvalidCursorError ||
      error instanceof InvalidArgumentError ||
      error instanceof LimitExceededError
    ) {
      this.#refuse(error.message);
    } else if (error instanceof LogClosedError) {
      this.close();
    } else {
      this.#host.settings.logger.error({ err: error }, 'a gRPC watch could not be followed');
      this.#end('left', STATUS.internal, 'internal error');
    }
  }

  #freeId(): string {
    while (this.#watches.has(String(this.#nextId))) this.#nextId++;
    return String(this.#nextId++);
  }

  #cancel(id: string): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return this.#answer(id, { canceled: true, cancelReason: 'there is no such watch' }, 0);
    this.#forget(watch);
    const { cursor } = watch.follower;
    watch.follower.end('left');
    this.#answer(id, { canceled: true }, 0, cursor);
    this.#answerProgress();
    this.#endIfDone();
  }

  /** The log ended it. */
  #ended(watch: Watch, reason: EndReason): void {
    this.#forget(watch);
    if (this.#over) return;
    if (reason === 'closed') return this.close();
    if (reason === 'overtaken') this.#answerCompacted(watch.id, watch.streams, watch.follower.cursor);
    else this.#answer(watch.id, { canceled: true, cancelReason: reason }, 0, watch.follower.cursor);
    this.#endIfDone();
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.id);
    this.#ready.delete(watch);
    this.#host.progress.delete(watch);
  }

  #pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    while (this.#outlet.hasRoom) {
      const [watch] = this.#ready;
      if (watch === undefined) break;
      this.#ready.delete(watch);
      const slice = watch.follower.pull({ bytes: this.#host.settings.responseBytes });
      if (slice === undefined) continue;
      this.#ready.add(watch);
      watch.active = true;
      for (const response of slice.payload) this.#outlet.write(this.#host.framer.whole(response, watch.id));
    }
    this.#pumping = false;
    this.#answerProgress();
    this.#work();
  }

  #askProgress(): void {
    this.#progressAsked = true;
    this.#answerProgress();
  }

  /** One answer to all who asked so far, once nothing is due to any watch: what the header says is then true of each. */
  #answerProgress(): void {
    if (!this.#progressAsked || this.#over || !this.#outlet.hasRoom) return;
    let only: Watch | undefined;
    for (const watch of this.#watches.values()) {
      if (this.#ready.has(watch) || watch.follower.lag > 0) return;
      only = watch;
    }
    this.#progressAsked = false;
    const cursor = this.#watches.size === 1 ? only?.follower.cursor : undefined;
    this.#answer(NO_WATCH, {}, this.#host.log.index, cursor);
  }

  #tellProgress(watch: Watch): void {
    const quiet = !watch.active && !this.#ready.has(watch) && watch.follower.lag === 0;
    watch.active = false;
    if (quiet && this.#outlet.hasRoom) this.#answer(watch.id, {}, this.#host.log.index, watch.follower.cursor);
  }

  #refuse(cancelReason: string): undefined {
    this.#answer(NO_WATCH, { created: true, canceled: true, cancelReason });
  }

  #answerCompacted(id: string, streams: readonly string[], cursor: string, cancelReason = COMPACTED): void {
    const compactRevision = this.#host.log.oldestIndex(streams);
    this.#answer(id, { canceled: true, compactRevision, cancelReason }, 0, cursor);
  }

  #answer(watchId: string, fields: object, revision: number = this.#host.log.index, cursor = ''): void {
    const header = { run: this.#host.log.origin, revision, cursor };
    this.#outlet.write(this.#host.codec.encodeResponse({ header, watchId, ...fields }));
  }

  #endIfDone(): void {
    if (!this.#halfClosed || this.#busy || this.#waiting.length > 0 || this.#watches.size > 0 || this.#over) return;
    this.#leave('left');
    this.#outlet.end();
  }

  #end(reason: EndReason, code: number, details: string): void {
    if (this.#over) return;
    this.#leave(reason);
    this.#outlet.end({ code, details });
  }

  /** Lets go of everything. */
  #leave(reason: EndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#firstWatch.cancel();
    for (const watch of this.#watches.values()) {
      this.#host.progress.delete(watch);
      watch.follower.end(reason);
    }
    this.#watches.clear();
    this.#ready.clear();
    this.#waiting.length = 0;
    this.#host.left(this, this.#peer);
  }
}
