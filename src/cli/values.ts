import { InvalidArgumentError as InvalidOptionError } from 'commander';

/** Parses an option that is a whole number within a range. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidOptionError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Parses an option that is a duration, such as `500ms`, `20s` or `5m`, to milliseconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ''];
  if (number === undefined || factor === undefined) {
    throw new InvalidOptionError('It must be a number with a unit: 500ms, 20s, 5m or 1h.');
  }
  return Math.round(Number(number) * factor);
}

const SIZES: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Parses an option that is a size, such as `65536`, `512Ki` or `4Mi`, to bytes. */
export function size(text: string): number {
  const [, number, unit] = /^(\d{1,15})(Ki|Mi|Gi)?$/.exec(text) ?? [];
  const factor = SIZES[unit ?? ''];
  if (number === undefined || factor === undefined) {
    throw new InvalidOptionError('It must be a number of bytes, or one with a unit: 512Ki, 4Mi, 1Gi.');
  }
  return Number(number) * factor;
}
