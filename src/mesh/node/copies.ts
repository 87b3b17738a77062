import type { SnapshotPart } from '../../push/log/snapshot.js';
import type { Link } from '../link/link.js';
import type { MeshLog } from './log-view.js';

interface Copy {
  readonly id: number;
  readonly parts: Iterator<SnapshotPart, void>;
}

/** Hands the retained log to pods that join, as fast as they take it. */
export class Copies {
  readonly #log: MeshLog;
  readonly #copies = new Map<Link, Copy>();

  constructor(log: MeshLog) {
    this.#log = log;
  }

  /** A pod asks for a copy; a new question replaces the one before. */
  begin(link: Link, id: number): void {
    this.#copies.set(link, { id, parts: this.#log.snapshot() });
    this.pump(link);
  }

  /** Whether a copy is under way. */
  has(link: Link): boolean {
    return this.#copies.has(link);
  }

  /** Sends parts while there is room. */
  pump(link: Link): void {
    const copy = this.#copies.get(link);
    if (copy === undefined) return;
    while (link.established && link.fetchHasRoom) {
      const next = copy.parts.next();
      if (next.done === true) return this.drop(link);
      link.sendFetch({ kind: 'part', id: copy.id, ...next.value });
    }
  }

  drop(link: Link): void {
    this.#copies.delete(link);
  }
}
