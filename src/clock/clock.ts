/** Handle of a timer made by a {@link Clock}. */
export interface Timer {
  /** Stops the timer; does nothing when it has fired or was cancelled. */
  cancel(): void;
  /** Lets the process end though the timer waits. Clocks without a process behind them have no need of it. */
  unref?(): void;
}

/** Source of all time in Trunkline: monotonic milliseconds and timers. Tests put a virtual one in its place. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number;
  /** Calls `callback` once after at least `milliseconds`. */
  setTimeout(callback: () => void, milliseconds: number): Timer;
}

// Node clamps longer delays to 1 ms.
const LONGEST_DELAY = 2 ** 31 - 1;

/** The clock of the process: `performance.now()` and `setTimeout`. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout(callback, milliseconds) {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST_DELAY));
    return { cancel: () => clearTimeout(timer), unref: () => void timer.unref() };
  },
};
