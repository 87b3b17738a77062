import type { Link } from '../link/link.js';

/**
 * Of two links between the same two runs, the one that stays: that which the lower run dialled; of two by the same side, the
 * later one, because whoever dials again has lost the first. Both sides decide alike.
 */
export function survivor(a: Link, b: Link, self: string): Link {
  if (a.transport.dialled === b.transport.dialled) return dialNumber(a) >= dialNumber(b) ? a : b;
  const ownIsLower = self < a.origin;
  return a.transport.dialled === ownIsLower ? a : b;
}

function dialNumber(link: Link): number {
  return link.transport.dialled ? link.dialNumber : (link.peer?.dial ?? 0);
}
