/** The time of day, which may jump: for what people read, never for measuring. */
export interface WallClock {
  now(): Date;
}

/** The time of day of the process. */
export const systemWallClock: WallClock = { now: () => new Date() };
