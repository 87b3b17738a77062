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
    name: 'F12, F14, F17: corruption, flapping and blind discovery',
    shape: { pods: 3, steps: 400, corruption: true, flaps: true, discovery: 500 },
    weight: 5,
  },
  { name: 'F15: bursts', shape: { pods: 3, steps: 300, bursts: true, kills: true, slow: true }, weight: 3 },
  {
    name: 'F15: a history that is too short',
    shape: { pods: 4, steps: 400, kills: true, drains: true, cuts: true, bursts: true, history: 20 },
    weight: 5,
    // Ages of losses grew beyond what can be read, from copy to copy.
    // Another pod got an event in the moment in which a new one was ready.
    fixtures: [8, 7_259],
  },
  {
    name: 'F8: clocks of their own',
    shape: { pods: 4, steps: 400, kills: true, cuts: true, drains: true, skew: true },
    weight: 3,
  },
  {
    name: 'F16, F17: frames cut and joined, and damaged',
    shape: { pods: 3, steps: 300, kills: true, corruption: true, slicing: true },
    weight: 3,
  },
  {
    name: 'F18: the version before and the one after',
    shape: { pods: 4, steps: 400, kills: true, drains: true, cuts: true, versions: true },
    weight: 3,
  },
  {
    name: 'F6, F20: all leave at once, others come or they come again',
    shape: { pods: 4, steps: 400, exodus: true, discovery: 500 },
    weight: 2,
  },
  { name: 'F1, F10: restart storms', shape: { pods: 5, steps: 400, storms: true, discovery: 1_000 }, weight: 2 },
  {
    name: 'F4: partitions that outlast the history',
    shape: { pods: 4, steps: 500, turns: true, age: 6_000 },
    weight: 3,
    // A link outlived the history in silence, by a difference of fractions: what came at the end of it was not as young as it
    // said, and who had been cut off was not noticed. Before: pods that waited for lost events longer than cursors bear.
    fixtures: [7, 51, 789, 841],
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
export const HARSH_WALKS: readonly WalkKind[] = [
  {
    name: 'harsh: a crowd',
    shape: { pods: 8, steps: 400, kills: true, drains: true, cuts: true, restless: true, joins: true },
    weight: 4,
  },
  {
    name: 'harsh: nothing but drains and joins, during partitions',
    shape: {
      pods: 5,
      steps: 500,
      drains: true,
      joins: true,
      cuts: true,
      exodus: true,
      restless: true,
      discovery: 1_500,
    },
    weight: 6,
  },
  {
    name: 'harsh: a history of seconds and a few events',
    shape: {
      pods: 5,
      steps: 600,
      kills: true,
      drains: true,
      cuts: true,
      restless: true,
      bursts: true,
      age: 6_000,
      history: 50,
    },
    weight: 6,
  },
  {
    name: 'harsh: everything, and every version and clock',
    shape: {
      pods: 6,
      steps: 500,
      kills: true,
      restarts: true,
      drains: true,
      cuts: true,
      slow: true,
      corruption: true,
      flaps: true,
      bursts: true,
      storms: true,
      exodus: true,
      joins: true,
      restless: true,
      keys: true,
      skew: true,
      versions: true,
      slicing: true,
      silent: true,
      discovery: 2_000,
      age: 30_000,
    },
    weight: 6,
  },
];
