import { Link, type LinkHost } from '../../src/mesh/link/link.js';
import type { Batch } from '../../src/mesh/link/log-sender.js';
import { decodeMessage, encodeMessage } from '../../src/mesh/protocol/codec.js';
import {
  PROTOCOL_VERSION,
  type FetchMessage,
  type Hello,
  type MeshMessage,
  type PodState,
  type Positions,
} from '../../src/mesh/protocol/messages.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { handPair, type HandEnd } from './hand-wire.js';
import { TIMES } from './world.js';

/** A hello as pods say it. */
export function helloOf(changes: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    version: PROTOCOL_VERSION,
    origin: 'BBBBBBBB',
    name: 'b',
    state: 'ready',
    history: { events: 1_000, bytes: 4_194_304, age: 300_000 },
    capabilities: [],
    have: [],
    dial: 0,
    ...changes,
  };
}

/** A pod that notes what its links tell it. */
export class NotingHost implements LinkHost {
  readonly clock: VirtualClock;
  readonly times: typeof TIMES = TIMES;
  readonly told: string[] = [];
  readonly batches: Batch[] = [];
  refuses: Error | undefined;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  hello(): Hello {
    return helloOf({ origin: 'AAAAAAAA', name: 'a' });
  }
  otherVersion(): void {
    this.told.push('other version');
  }
  greeted(): void {
    this.told.push('greeted');
    if (this.refuses !== undefined) throw this.refuses;
  }
  heard(): void {
    this.told.push('heard');
  }
  have(): void {
    this.told.push('have');
  }
  acked(_link: Link, n: number): void {
    this.told.push(`acked ${n}`);
  }
  stateChanged(): void {
    this.told.push('state');
  }
  missed(): void {
    this.told.push('missed');
  }
  fetch(_link: Link, { kind }: FetchMessage): void {
    this.told.push(kind);
  }
  fetchRoom(): void {
    this.told.push('room');
  }
  closed(_link: Link, error: Error | undefined): void {
    this.told.push(`closed ${error?.message ?? ''}`.trim());
  }
  get newest(): number {
    return this.batches.at(-1)?.through ?? 0;
  }
  batchAfter(n: number): Batch | undefined {
    return this.batches.find(({ through }) => through > n);
  }
}

/** A link whose other end is in the hand of a test. */
export interface HandLink {
  readonly link: Link;
  readonly host: NotingHost;
  /** Says something to the link. */
  say(lane: 'control' | 'log' | 'fetch', message: MeshMessage | Uint8Array): void;
  /** What the link has sent since the last time. */
  sent(): MeshMessage[];
  readonly far: HandEnd;
}

/** A link that has begun. With a hello of the other side it is established. */
export function handLink(clock: VirtualClock, hello?: Partial<Hello>, dialled = true): HandLink {
  const [dialling, accepting] = handPair();
  const [near, far] = dialled ? [dialling, accepting] : [accepting, dialling];
  const host = new NotingHost(clock);
  const link = new Link(near, host);
  link.start();
  const say = (lane: 'control' | 'log' | 'fetch', message: MeshMessage | Uint8Array): void => {
    far.send(lane, message instanceof Uint8Array ? message : encodeMessage(message));
    near.deliver();
  };
  const sent = (): MeshMessage[] =>
    far.inbox.splice(0).flatMap((each) => {
      const message = each === undefined ? undefined : decodeMessage(each.lane, each.bytes);
      return message === undefined ? [] : [message];
    });
  if (hello !== undefined) say('control', helloOf(hello));
  return { link, host, say, sent, far };
}

/** An established link to a pod in some state, which has got so far. */
export function linkTo(clock: VirtualClock, origin: string, state: PodState = 'ready', have: Positions = []): Link {
  return handLink(clock, { origin, name: origin, state, have }).link;
}
