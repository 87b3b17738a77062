import type { Drain } from '../http/drain.js';
import { payloadFramer } from '../http/framer.js';
import { StreamingResponses } from '../http/streaming.js';
import type { StreamingClient } from '../http/streaming-client.js';
import type { StreamingSettings } from '../http/streaming-options.js';
import type { PushRequest, PushResponse } from '../http/types.js';
import { inLines } from '../lines/streamed.js';
import type { Framer, FollowOptions } from '../log/types.js';
import { answerEtcdFailure, indexHeaders, LINES_TYPE } from './answers.js';
import type { KeyLine } from './event.js';
import type { EtcdFailure } from './etcd-error.js';
import { gapFailure } from './gap.js';
import type { WaitPlan } from './plan.js';
import type { KeyLog } from './types.js';

/** Lines have a framer of their own. */
const UNUSED_FRAMER = payloadFramer({ event: () => '', gap: () => '' });

/**
 * Answers to requests with `stream=true`. Unlike in etcd, what is in the history comes too. Whoever waits by index and
 * misses something has the response ended, so that the next request is told so.
 */
export class KeyStreams {
  readonly #log: KeyLog;
  readonly #framer: Framer<readonly KeyLine[]>;
  readonly #timeout: number;
  readonly #settings: StreamingSettings;
  readonly #responses: StreamingResponses;

  constructor(log: KeyLog, framer: Framer<readonly KeyLine[]>, timeout: number, settings: StreamingSettings) {
    this.#log = log;
    this.#framer = framer;
    this.#timeout = timeout;
    this.#settings = settings;
    this.#responses = new StreamingResponses(UNUSED_FRAMER, '', settings);
  }

  /** Responses that are not closed yet. */
  get size(): number {
    return this.#responses.size;
  }

  /** @throws what `follow` throws */
  start(
    req: PushRequest,
    res: PushResponse,
    streams: readonly string[],
    peer: string | undefined,
    { start, byIndex }: WaitPlan,
  ): void {
    const log = this.#log;
    const follow = { streams, start, transport: 'long-poll-stream', peer } as const;
    const failure = byIndex && start !== 'now' ? this.#gapAt(follow) : undefined;
    if (failure !== undefined) {
      answerEtcdFailure(req, res, log.origin, failure);
      return;
    }
    let client: StreamingClient | undefined;
    let over = false;
    const lines = inLines<KeyLine>(log, this.#framer, {
      judge: () => (byIndex ? 'stop' : 'send'),
      onLast: () => {
        over = true;
        client?.end('overtaken');
      },
    });
    client = this.#responses.start(req, res, {
      ...follow,
      log: lines,
      whenOvertaken: byIndex ? 'drop' : 'gap',
      headers: {
        ...indexHeaders(log.origin, log.index, start === 'now' ? log.cursor(streams) : undefined),
        ...(byIndex ? {} : { 'Content-Type': LINES_TYPE }),
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
      },
    });
    if (over) client.end('overtaken');
    const running = client;
    if (this.#timeout > 0) {
      const timer = this.#settings.clock.setTimeout(() => running.end('timeout'), this.#timeout);
      res.once('close', () => timer.cancel());
    }
  }

  /** Ends all responses in order. */
  close(): void {
    this.#responses.end();
  }

  /** The same over a time. */
  async drain(drain: Drain): Promise<void> {
    await this.#responses.drain(drain);
  }

  /** `undefined` when no gap comes first. */
  #gapAt(follow: Pick<FollowOptions<never>, 'streams' | 'start' | 'transport' | 'peer'>): EtcdFailure | undefined {
    const follower = this.#log.follow({ ...follow, framer: this.#framer, onReady: () => {} });
    try {
      const first = follower.pull({ items: 1 })?.payload[0];
      return first?.special === true ? gapFailure(this.#log, first, follower) : undefined;
    } finally {
      follower.end();
    }
  }
}
