import type { Channel } from './channel.js';
import { formatCursor } from './cursor.js';
import type { StartPosition } from './types.js';

/** Where a follower begins. */
export type Beginning =
  | { readonly position: number; readonly cursor: string; readonly skipBelow?: number; readonly gap?: true }
  | { readonly vector: ReadonlyMap<string, number>; readonly cursor: string };

/** Finds the place in a channel for a start position. @param vector What a cursor says, for a start at one. */
export function begin(
  channel: Channel,
  start: StartPosition,
  vector: ReadonlyMap<string, number> | undefined,
): Beginning {
  const { ring } = channel;
  if (start === 'now') return { position: ring.end, cursor: channel.cursor };
  if (start !== 'start' && 'cursor' in start && vector !== undefined) return { vector, cursor: start.cursor };
  const base = formatCursor(channel.base());
  if (start === 'start' || !('index' in start)) return { position: ring.first, cursor: base };
  const position = channel.positionOf(start.index);
  const cursor = ring.at(position - 1)?.cursor ?? base;
  const gone = start.index > 0 && start.index <= channel.evictedIndex;
  return { position, cursor, skipBelow: start.index, ...(gone ? { gap: true as const } : {}) };
}
