import { systemClock } from '../../clock/clock.js';
import { publish } from './api.js';
import { EventClient, type ClientState } from './event-client.js';
import { Moves, type Move } from './moves.js';
import { freshName } from './random.js';
import { Acknowledged, Tally } from './tally.js';
import type { Tunnel } from './tunnel.js';

/** A client of the demonstration, as it is shown. */
export interface FleetClient {
  readonly id: number;
  readonly pod: string;
  readonly state: ClientState;
  readonly received: number;
  readonly repeated: number;
  readonly missed: number;
  readonly resumed: number;
}

/** All of them. */
export interface FleetView {
  readonly phase: 'idle' | 'gathering' | 'running' | 'stopping';
  readonly clients: readonly FleetClient[];
  /** Numbers that a pod has acknowledged. */
  readonly published: number;
  readonly received: number;
  readonly repeated: number;
  readonly missed: number;
  readonly resumed: number;
  /** Gaps that clients were told of. */
  readonly gaps: number;
  /** Newest first. */
  readonly moves: readonly Move[];
  /** Why publishing is not going on. */
  readonly trouble: string;
}

interface Member {
  readonly id: number;
  readonly client: EventClient;
  readonly tally: Tally;
  gaps: number;
}

/** Milliseconds after which what was acknowledged has to be with every client that is connected. */
const GRACE = 3_000;
const TRY_AGAIN = 300;
/** Numbers that are not acknowledged yet. */
const MOST_UNDER_WAY = 60;

/**
 * The demonstration: clients that follow a stream of numbers, which are published on random pods, each until a second pod
 * has it. What was acknowledged and did not come is missed; what came twice is repeated.
 */
export class Fleet {
  readonly #tunnel: Tunnel;
  readonly #changed: () => void;
  #phase: FleetView['phase'] = 'idle';
  #members: readonly Member[] = [];
  #acknowledged = new Acknowledged();
  #moves = new Moves();
  #run = '';
  #seq = 0;
  #stop = new AbortController();
  #trouble = '';

  constructor(tunnel: Tunnel, changed: () => void) {
    this.#tunnel = tunnel;
    this.#changed = changed;
  }

  get view(): FleetView {
    const now = systemClock.now();
    const due = this.#acknowledged.throughAt(now - GRACE);
    const clients = this.#members.map(({ id, client, tally }) => {
      const { pod, state, since, resumed } = client;
      const judged = state === 'stopped' || (state === 'open' && now - since > GRACE);
      const { received, repeated } = tally;
      return { id, pod, state, received, repeated, missed: judged ? tally.lacks(due) : 0, resumed };
    });
    const sum = (pick: (client: FleetClient) => number): number => clients.reduce((all, one) => all + pick(one), 0);
    return {
      phase: this.#phase,
      clients,
      published: this.#acknowledged.count,
      received: sum(({ received }) => received),
      repeated: sum(({ repeated }) => repeated),
      missed: sum(({ missed }) => missed),
      resumed: sum(({ resumed }) => resumed),
      gaps: this.#members.reduce((all, { gaps }) => all + gaps, 0),
      moves: this.#moves.list,
      trouble: this.#trouble,
    };
  }

  /** @param period Milliseconds between two numbers. */
  start(count: number, period: number): void {
    this.#run = `demo.resume.${freshName()}`;
    this.#seq = 0;
    this.#trouble = '';
    this.#acknowledged = new Acknowledged();
    this.#moves = new Moves();
    this.#stop = new AbortController();
    this.#phase = 'gathering';
    this.#members = Array.from({ length: count }, (_, index) => this.#member(index + 1));
    for (const { client } of this.#members) client.start();
    this.#changed();
    void this.#publishAll(period, this.#stop.signal);
  }

  /** Publishes nothing more; the clients stay until they have what was published, or some seconds have passed. */
  stop(): void {
    this.#stop.abort();
    this.#phase = 'stopping';
    this.#changed();
    const members = this.#members;
    systemClock.setTimeout(() => {
      for (const { client } of members) client.stop();
      if (this.#members !== members) return;
      this.#phase = 'idle';
      this.#changed();
    }, GRACE + 500);
  }

  #member(id: number): Member {
    const tally = new Tally();
    const moves = this.#moves;
    let before: ClientState = 'connecting';
    const client = new EventClient(this.#tunnel, this.#run, {
      event: ({ type, data }) => {
        if (type === 'gap') member.gaps += 1;
        else tally.take(Number(data));
        this.#changed();
      },
      changed: () => {
        const { state, pod } = client;
        if (state === 'open') moves.found(id, systemClock.now());
        else if (before === 'open' && state === 'waiting') moves.lost(id, pod, systemClock.now());
        before = state;
        this.#changed();
      },
    });
    const member: Member = { id, client, tally, gaps: 0 };
    return member;
  }

  async #publishAll(period: number, signal: AbortSignal): Promise<void> {
    // The first number is for everybody.
    while (!this.#members.every(({ client }) => client.state === 'open')) {
      await wait(50);
      if (signal.aborted) return;
      this.#trouble = this.#members.find(({ client }) => client.trouble !== '')?.client.trouble ?? '';
      this.#changed();
    }
    this.#phase = 'running';
    const began = systemClock.now();
    while (!signal.aborted) {
      // Timers of a busy page are late; what is due then is made up for, within bounds.
      const due = 1 + Math.floor((systemClock.now() - began) / period);
      while (this.#seq < due && this.#seq - this.#acknowledged.count < MOST_UNDER_WAY) {
        this.#seq += 1;
        void this.#publishOne(this.#seq, this.#acknowledged);
      }
      await wait(period);
    }
  }

  async #publishOne(seq: number, acknowledged: Acknowledged): Promise<void> {
    // The same key each time, so that however often it is sent it is one event.
    const publication = { stream: this.#run, data: String(seq), key: String(seq), ack: 'one' };
    for (;;) {
      try {
        const { status } = await publish(publication);
        if (status === 200) break;
        this.#trouble = `publishing was answered with ${status}`;
        // What is refused for good stays refused.
        if (status < 500 && status !== 429) return;
      } catch {
        this.#trouble = 'the dashboard does not answer';
      }
      if (this.#phase === 'idle') return;
      await wait(TRY_AGAIN);
    }
    this.#trouble = '';
    acknowledged.add(seq, systemClock.now());
    this.#changed();
  }
}

async function wait(milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, milliseconds));
}
