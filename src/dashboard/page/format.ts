const WHOLE = new Intl.NumberFormat('en');

/** A count. */
export function formatCount(value: number): string {
  return WHOLE.format(value);
}

/** Events per second. */
export function formatRate(perSecond: number): string {
  return `${formatFigure(perSecond)}/s`;
}

/** A duration. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  return `${milliseconds < 10 ? milliseconds.toFixed(2) : Math.round(milliseconds)} ms`;
}

/** The time of day. */
export function formatTime(time: number): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** What sets a pod apart from its siblings: the last part of its name. */
export function shortName(pod: string): string {
  return pod.slice(pod.lastIndexOf('-') + 1);
}

function formatFigure(value: number): string {
  if (value >= 9.95) return WHOLE.format(Math.round(value));
  return value < 0.05 ? '0' : value.toFixed(1);
}
