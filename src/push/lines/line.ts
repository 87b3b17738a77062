import type { Framer, Gap, LogEvent } from '../log/types.js';

/** One line of a response, which many clients share. */
export interface Line {
  readonly bytes: Buffer;
  /** Not an event that is passed on: whoever sends it has to decide. */
  readonly special: boolean;
}

/** Makes the lines of a transport. */
export interface LineMaker<L extends Line> {
  event(event: LogEvent, cursor: string): L;
  gap(gap: Gap, cursor: string): L;
}

/** A framer whose frames are lists of lines, so that single ones can be left out or be the last. */
export function lineFramer<L extends Line>(maker: LineMaker<L>): Framer<readonly L[]> {
  return {
    event: (event, cursor) => [maker.event(event, cursor)],
    gap: (gap, cursor) => [maker.gap(gap, cursor)],
    batch: (frames) => frames.flat(),
    size: (lines) => {
      let bytes = 0;
      for (const line of lines) bytes += line.bytes.length;
      return bytes;
    },
  };
}

/** A value as a line of JSON. */
export function jsonLine(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** The bytes of several lines. */
export function joinLines(lines: readonly Line[]): Buffer {
  const [first] = lines;
  if (lines.length === 1 && first !== undefined) return first.bytes;
  return Buffer.concat(lines.map(({ bytes }) => bytes));
}
