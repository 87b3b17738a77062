const RESAMPLES = 2000;
const CONFIDENCE = 0.95;
const SEED = 0x5eed;

/** A value with the interval in which it lies with 95 % confidence. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}

/** The median, with a percentile bootstrap interval. The same values always give the same interval. */
export function estimate(values: readonly number[]): Estimate {
  const random = randomNumbers(SEED);
  const medians: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    medians.push(median(values.map(() => values[Math.floor(random() * values.length)] ?? NaN)));
  }
  medians.sort((a, b) => a - b);
  const at = (share: number): number => medians[Math.round(share * (RESAMPLES - 1))] ?? NaN;
  const tail = (1 - CONFIDENCE) / 2;
  return { value: median(values), low: at(tail), high: at(1 - tail) };
}

/** Numbers from 0 up to 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
