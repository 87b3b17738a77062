import type { WalkShape } from './walk.js';

/** A kind of walk, and what of all seeds goes to it. */
export interface WalkKind {
  readonly name: string;
  readonly shape: WalkShape;
  /** Share of the seeds. */
  readonly weight: number;
  /** Seeds that have failed once. */
  readonly fixtures?: readonly number[];
}

/** The walks that run with the tests. */
export const WALKS: readonly WalkKind[] = [
  { name: 'no faults', shape: { pods: 3, steps: 300 }, weight: 2 },
  { name: 'F1: crashes', shape: { pods: 4, steps: 400, kills: true }, weight: 6 },
  {
    name: 'F1, F2, F10, F20: crashes that nobody is told of, restarts under the same names',
    shape: { pods: 4, steps: 400, kills: true, restarts: true, silent: true, discovery: 3_000 },
    weight: 6,
  },
  { name: 'F2, F3, F4: cuts in both directions and one', shape: { pods: 4, steps: 400, cuts: true }, weight: 6 },
  { name: 'F5: slow pods', shape: { pods: 3, steps: 400, slow: true }, weight: 4 },
  { name: 'F6: drains', shape: { pods: 3, steps: 400, drains: true }, weight: 6 },
  {
    name: 'F12, F14, F17, F18: corruption, flapping and blind discovery',
    shape: { pods: 3, steps: 400, corruption: true, flaps: true, discovery: 500 },
    weight: 5,
  },
  { name: 'F15: bursts', shape: { pods: 3, steps: 300, bursts: true, kills: true, slow: true }, weight: 3 },
  {
    name: 'F15: a history that is too short',
    shape: { pods: 4, steps: 400, kills: true, drains: true, cuts: true, bursts: true, history: 20 },
    weight: 5,
    // Ages of losses grew beyond what can be read, from copy to copy.
    fixtures: [8],
  },
  {
    name: 'F1 to F18: everything at once',
    shape: {
      pods: 4,
      steps: 500,
      kills: true,
      restarts: true,
      drains: true,
      cuts: true,
      slow: true,
      corruption: true,
      flaps: true,
      bursts: true,
      discovery: 1_000,
    },
    weight: 7,
  },
];

/** Walks that are harsher than what pods meet, for runs by hand. */
export const HARSH_WALKS: readonly WalkKind[] = [];
