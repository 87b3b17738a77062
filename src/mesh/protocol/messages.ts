import type { History } from '../../push/log/settings.js';
import type { SnapshotPart } from '../../push/log/snapshot.js';

/** Version of what is said on links. A peer with another major number is refused; what a peer does not know it skips. */
export const PROTOCOL_VERSION = 1;

/** The ways of a link, each in order and with flow control of its own, so that bulk delays neither events nor keepalives. */
export type Lane = 'control' | 'log' | 'fetch';

/** How far along each origin is. */
export type Positions = readonly (readonly [origin: string, n: number])[];

/** How many follow each stream or pattern. */
export type Followers = readonly (readonly [stream: string, followers: number])[];

/** An event on a link. `age` is in milliseconds. */
export interface WireEvent {
  readonly n: number;
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly key: string | undefined;
  readonly age: number;
}

/** What a pod is up to. `joining`: it copies the history and serves nobody yet; `draining`: it is about to leave. */
export type PodState = 'joining' | 'ready' | 'draining';

/** First message of each side on the control lane. */
export interface Hello {
  readonly kind: 'hello';
  readonly version: number;
  /** The run of the pod. */
  readonly origin: string;
  readonly name: string;
  readonly state: PodState;
  readonly history: History;
  /** Names of what the pod can do besides version 1. */
  readonly capabilities: readonly string[];
  /** What it has of all origins. */
  readonly have: Positions;
  /** How many links the dialling side has dialled before, in this run. The later of two is the fresher one. */
  readonly dial: number;
}

/** What is said on the control lane after the hellos. */
export type ControlMessage =
  | Hello
  /** What the pod has got of some origins. */
  | { readonly kind: 'have'; readonly have: Positions }
  /** It has the receiver's own events through `n`. */
  | { readonly kind: 'ack'; readonly n: number }
  | { readonly kind: 'state'; readonly state: PodState }
  /** A pod, whose clients may come, lacked events of these origins after these numbers, which have left the history. */
  | { readonly kind: 'missed'; readonly missed: Positions }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'pong'; readonly id: number }
  | { readonly kind: 'bye'; readonly reason: string };

/** What is said on the log lane: the sender's own events, in order. */
export type LogMessage =
  | { readonly kind: 'events'; readonly events: readonly WireEvent[] }
  /** The sender's own events through `n`, as far as they were not sent, have left its history. */
  | { readonly kind: 'skip'; readonly n: number };

/** What is asked and answered on the fetch lane. `id` pairs them. */
export type FetchMessage =
  /** Asks for events of an origin with `after` < n, `through` at most. */
  | {
      readonly kind: 'fetch';
      readonly id: number;
      readonly origin: string;
      readonly after: number;
      readonly through: number;
    }
  /** Those that are held through `through`; the others up to there have left the history, or never came. */
  | {
      readonly kind: 'found';
      readonly id: number;
      readonly events: readonly WireEvent[];
      readonly through: number;
    }
  | { readonly kind: 'copy'; readonly id: number }
  /** A part of the retained log. */
  | {
      readonly kind: 'part';
      readonly id: number;
      readonly streams: SnapshotPart['streams'];
      readonly events: SnapshotPart['events'];
      readonly have: Positions;
      readonly last: boolean;
    }
  /** Asks who follows there. Only of pods with the capability `presence`. */
  | { readonly kind: 'who'; readonly id: number }
  /** A part of the answer: followers of each stream or pattern, and in all. */
  | {
      readonly kind: 'here';
      readonly id: number;
      readonly clients: number;
      readonly streams: Followers;
      readonly last: boolean;
    };

/** Anything that is said on a link. */
export type MeshMessage = ControlMessage | LogMessage | FetchMessage;
