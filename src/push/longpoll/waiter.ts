import { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../clock/clock.js';
import { answer } from '../http/respond.js';
import type { PushRequest, PushResponse } from '../http/types.js';
import { joinLines } from '../lines/line.js';
import type { EndReason, Follower, Framer } from '../log/types.js';
import { answerEtcdFailure, indexHeaders, LINES_TYPE } from './answers.js';
import type { KeyLine } from './event.js';
import { gapFailure } from './gap.js';
import type { WaitPlan } from './plan.js';
import type { KeyLog } from './types.js';
import { expectRead } from '../lines/unread.js';

/** Bytes of an answer that brings several items, about. */
const ANSWER_BYTES = 65_536;

/** What a waiting request needs besides itself. */
export interface WaitContext {
  readonly log: KeyLog;
  readonly streams: readonly string[];
  readonly peer: string | undefined;
  readonly framer: Framer<readonly KeyLine[]>;
  /** Milliseconds; 0: for ever. */
  readonly timeout: number;
  /** Milliseconds; 0: for ever. */
  readonly writeTimeout: number;
  readonly clock: Clock;
}

/** One request that is answered by the next event, or after a cursor by the items that are due. */
export class Waiter {
  readonly #req: PushRequest;
  readonly #res: PushResponse;
  readonly #context: WaitContext;
  readonly #byIndex: boolean;
  readonly #follower: Follower<readonly KeyLine[]>;
  #timer: Timer | undefined;

  /** @throws what `follow` throws */
  constructor(req: PushRequest, res: PushResponse, context: WaitContext, { start, byIndex }: WaitPlan) {
    this.#req = req;
    this.#res = res;
    this.#context = context;
    this.#byIndex = byIndex;
    const { log, streams, framer, peer } = context;
    this.#follower = log.follow({
      streams,
      start,
      framer,
      transport: 'long-poll',
      peer,
      // An answer by index has no way to tell of a gap, but the next one has: error 401.
      whenOvertaken: byIndex ? 'drop' : 'gap',
      onReady: () => this.#deliver(),
      onEnd: () => this.#finish(this.#pull()),
    });
  }

  /** Answers at once when something is due; otherwise sends the head and waits, unless `wait` is false. */
  begin(wait: boolean): void {
    const { log, timeout, clock } = this.#context;
    const headers = indexHeaders(log.origin, log.index, this.#follower.cursor);
    if (!this.#byIndex) headers['Content-Type'] = LINES_TYPE;
    const due = this.#pull();
    const gap = this.#gapIn(due);
    if (gap !== undefined) return this.#refuse(gap);
    if (due !== undefined || !wait) {
      this.#follower.end();
      answer(this.#req, this.#res, 200, due === undefined ? '' : joinLines(due).toString(), headers);
      return this.#expectRead();
    }
    this.#res.once('close', () => this.#leave('left'));
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) this.#res.setHeader(name, value);
    this.#res.setHeader('Cache-Control', 'no-store');
    this.#res.setHeader('X-Accel-Buffering', 'no');
    // Sent before there is anything to send, so that the client does not take the wait for a server that is gone.
    sendHead(this.#res);
    if (timeout > 0) this.#timer = clock.setTimeout(() => this.#finish(undefined, 'timeout'), timeout);
  }

  #pull(): readonly KeyLine[] | undefined {
    const follower = this.#follower;
    if (this.#byIndex) return follower.pull({ items: 1 })?.payload;
    const lines: KeyLine[] = [];
    for (let room = ANSWER_BYTES; room > 0;) {
      const slice = follower.pull({ bytes: room });
      if (slice === undefined) break;
      lines.push(...slice.payload);
      room -= slice.bytes;
    }
    return lines.length === 0 ? undefined : lines;
  }

  #deliver(): void {
    const due = this.#pull();
    if (due !== undefined) this.#finish(due);
  }

  #gapIn(lines: readonly KeyLine[] | undefined): KeyLine | undefined {
    return this.#byIndex ? lines?.find(({ special }) => special) : undefined;
  }

  #finish(due: readonly KeyLine[] | undefined, reason: EndReason = 'left'): void {
    this.#leave(reason);
    if (due === undefined || this.#gapIn(due) !== undefined) this.#res.end();
    else this.#res.end(joinLines(due));
    this.#expectRead();
  }

  #refuse(gap: KeyLine): void {
    const { log } = this.#context;
    const failure = gapFailure(log, gap, this.#follower);
    this.#follower.end();
    answerEtcdFailure(this.#req, this.#res, log.origin, failure);
  }

  /** Ends waiting with an empty answer, upon which clients of etcd ask again. */
  close(): void {
    this.#finish(undefined, 'closed');
  }

  #leave(reason: EndReason): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#follower.end(reason);
  }

  #expectRead(): void {
    expectRead(this.#res, this.#context.clock, this.#context.writeTimeout);
  }
}

function sendHead(res: PushResponse): void {
  if (res instanceof ServerResponse) res.flushHeaders();
  else res.writeHead(200);
}
