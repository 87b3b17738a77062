import type { Entry } from './entry.js';
import type { Ring } from './ring.js';

/** The newest entries of several rings together. */
export interface Newest {
  /** Oldest first; what stands in several rings comes once. */
  readonly entries: readonly Entry[];
  /** For each ring the position of the first entry that was taken. */
  readonly from: readonly number[];
}

/** Takes the `most` newest entries, live events left out, without looking at the rest: the work is that of a heap with one place per ring. */
export function newestOf(rings: readonly Ring<Entry>[], most: number): Newest {
  const from = rings.map((ring) => behindRetained(ring, ring.end));
  const indexOf = (ring: number): number => rings[ring]?.at((from[ring] ?? 0) - 1)?.item.index ?? 0;
  const heap: number[] = [];
  for (let ring = 0; ring < rings.length; ring++) if (indexOf(ring) > 0) heap.push(ring);
  for (let place = (heap.length >> 1) - 1; place >= 0; place--) sink(heap, place, indexOf);
  const taken: Entry[] = [];
  while (heap.length > 0) {
    const ring = heap[0] ?? 0;
    const position = (from[ring] ?? 0) - 1;
    const entry = rings[ring]?.at(position);
    if (entry === undefined) break;
    if (entry.item.index !== taken.at(-1)?.item.index) {
      if (taken.length === most) break;
      taken.push(entry);
    }
    from[ring] = behindRetained(rings[ring], position);
    if (indexOf(ring) === 0) {
      const last = heap.pop() ?? 0;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap, 0, indexOf);
  }
  return { entries: taken.toReversed(), from };
}

/** The position behind the next entry, going back, that is no live event. */
function behindRetained(ring: Ring<Entry> | undefined, position: number): number {
  let end = position;
  while (ring?.at(end - 1)?.item.kind === 'live') end -= 1;
  return end;
}

/** Moves the ring at a place down until none below it has a newer entry. */
function sink(heap: number[], start: number, indexOf: (ring: number) => number): void {
  let place = start;
  for (;;) {
    let newest = place;
    for (let child = 2 * place + 1; child <= 2 * place + 2 && child < heap.length; child++) {
      if (indexOf(heap[child] ?? 0) > indexOf(heap[newest] ?? 0)) newest = child;
    }
    if (newest === place) return;
    [heap[place], heap[newest]] = [heap[newest] ?? 0, heap[place] ?? 0];
    place = newest;
  }
}
