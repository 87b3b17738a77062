const UNITS = [
  ['y', 365 * 24 * 3600],
  ['d', 24 * 3600],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/**
 * A duration for people, in at most three characters and a little more: `119s`, `3m4s`, `10m`, `5h20m`, `47h`, `3d4h`,
 * `12d`, `2y30d` (apimachinery `duration.HumanDuration`).
 *
 * @param seconds Negative ones count as 0, save below -1, where the clocks are off.
 */
export function humanDuration(seconds: number): string {
  if (seconds < -1) return '<invalid>';
  const total = Math.max(0, Math.floor(seconds));
  if (total < 120) return `${total}s`;
  const minutes = Math.floor(total / 60);
  if (minutes < 10) return join(total, 'm', 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(total / 3600);
  if (hours < 8) return join(total, 'h', 'm');
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return join(total, 'd', 'h');
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`;
  if (hours < 24 * 365 * 8) return join(total, 'y', 'd');
  return `${Math.floor(hours / 24 / 365)}y`;
}

function join(total: number, large: 'm' | 'h' | 'd' | 'y', small: 's' | 'm' | 'h' | 'd'): string {
  const largeUnit = secondsOf(large);
  const first = Math.floor(total / largeUnit);
  const rest = Math.floor((total % largeUnit) / secondsOf(small));
  return rest === 0 ? `${first}${large}` : `${first}${large}${rest}${small}`;
}

function secondsOf(unit: string): number {
  return UNITS.find(([name]) => name === unit)?.[1] ?? 1;
}
