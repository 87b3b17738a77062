import { cursorEntry, type Vector } from './cursor.js';
import type { SnapshotRow } from './snapshot.js';
import type { MissingRange } from './types.js';

/** What a channel knows of one origin's events on its streams. */
interface Row {
  readonly origin: string;
  /** Highest number that was appended. */
  last: number;
  lastTime: number;
  /** Time of the newest event itself, losses left out: nobody can tell from them how old a cursor is. */
  eventTime: number;
  /** Highest number that has left the history; 0 when all are there. */
  floor: number;
  floorTime: number;
  /** Whether cursors carry it. Rows that do not are kept to tell who misses their events. */
  listed: boolean;
  /** Its entry of a cursor; undefined after a change. */
  text: string | undefined;
}

/** What a cursor cannot be given any more. */
export interface Missing {
  readonly reason: 'expired' | 'unknown-origin';
  readonly ranges: readonly MissingRange[];
}

/** Milliseconds by which pods may differ in what they know of the age of an event. */
const AGE_ERROR = 1_000;

/** Rows that one table holds; past it those that have been quiet longest are forgotten. */
const MAX_ROWS = 512;

/**
 * The version vector of one channel, and what it takes to tell whether a cursor was passed by the bounds of the history.
 *
 * An origin leaves the cursors with the first event that comes more than twice the history's age after its own last one:
 * never between events, so that a cursor without it is either older than all its events or names an event that came after
 * it had left. Ages are those of events, which all pods agree on. This holds as long as no pod that gives out cursors lags
 * behind an origin by more than one and a half times the age; of one that does, see `missed`.
 */
export class OriginTable {
  readonly #age: number;
  readonly #maxListed: number;
  readonly #rows = new Map<string, Row>();
  /** In the order of cursors. */
  #listed: Row[] = [];
  /** Time of the last event of any row that was forgotten. */
  #forgottenTime = -Infinity;
  #text: string | undefined;
  #textSelf = -1;

  /** @param age Milliseconds that events are kept. @param maxListed Entries that a cursor may have, its own included. */
  constructor(age: number, maxListed: number) {
    this.#age = age;
    this.#maxListed = maxListed;
  }

  get rows(): number {
    return this.#rows.size;
  }

  /** An event of the origin was appended, or the loss of events up to `n`. */
  appended(origin: string, n: number, time: number, lost = false): void {
    const row = this.#row(origin);
    row.last = Math.max(row.last, n);
    row.lastTime = Math.max(row.lastTime, time);
    if (!lost) row.eventTime = Math.max(row.eventTime, time);
    row.text = undefined;
    this.#text = undefined;
    if (!row.listed) this.#list(row);
    this.#prune(time);
  }

  /** An event of the origin, or a loss, has left the history. */
  evicted(origin: string, n: number, time: number, lost = false): void {
    const row = this.#row(origin);
    if (n <= row.floor) return;
    row.floor = n;
    row.floorTime = lost ? -Infinity : time;
    if (n > row.last) {
      row.last = n;
      row.text = undefined;
      this.#text = undefined;
    }
    row.lastTime = Math.max(row.lastTime, time);
    if (!lost) row.eventTime = Math.max(row.eventTime, time);
  }

  /**
   * Somebody who gave out cursors lacked events of the origin after a number. As far as they are gone here, a cursor without
   * the origin, given out until now, says nothing of them: it counts as if the origin had just been heard of.
   *
   * @returns Whether that changes anything.
   */
  missed(origin: string, after: number, now: number): boolean {
    const row = this.#rows.get(origin);
    if (row === undefined || row.floor <= after || row.lastTime > now - this.#age / 4) return false;
    row.lastTime = now;
    this.#text = undefined;
    if (!row.listed) this.#list(row);
    return true;
  }

  /** Takes in what another table knows of events that are gone; those that are there are to be appended next. */
  mergeGone(other: OriginTable): void {
    for (const theirs of other.#rows.values()) {
      if (theirs.floor === 0) continue;
      this.evicted(theirs.origin, theirs.floor, theirs.floorTime);
      const row = this.#row(theirs.origin);
      if (theirs.floor === theirs.last) row.lastTime = Math.max(row.lastTime, theirs.lastTime);
      if (theirs.floor === theirs.last) row.eventTime = Math.max(row.eventTime, theirs.eventTime);
      if (theirs.listed && !row.listed) this.#list(row);
    }
    this.#forgottenTime = Math.max(this.#forgottenTime, other.#forgottenTime);
    this.#text = undefined;
  }

  /** What is known of each origin, without the events that are held. */
  snapshot(now: number): SnapshotRow[] {
    return [...this.#rows.values()].map(({ origin, floor, floorTime, lastTime, listed }) => ({
      origin,
      floor,
      floorAge: ageOf(now, floorTime),
      lastAge: ageOf(now, lastTime),
      listed,
    }));
  }

  /** Takes over what another pod knows of a stream; its events are to be appended next. */
  restore(rows: readonly SnapshotRow[], now: number): void {
    for (const { origin, floor, floorAge, lastAge, listed } of rows) {
      if (floor > 0) this.evicted(origin, floor, now - floorAge);
      const row = this.#row(origin);
      row.lastTime = Math.max(row.lastTime, now - lastAge);
      if (listed && floor > 0 && !row.listed) this.#list(row);
    }
    this.#text = undefined;
  }

  /** Takes in how far another table's cursors are. */
  mergeLast(other: OriginTable): void {
    for (const theirs of other.#listed) {
      const row = this.#row(theirs.origin);
      row.last = Math.max(row.last, theirs.last);
      row.lastTime = Math.max(row.lastTime, theirs.lastTime);
      row.eventTime = Math.max(row.eventTime, theirs.eventTime);
      row.text = undefined;
      if (!row.listed) this.#list(row);
    }
    this.#text = undefined;
  }

  /** The cursor behind the newest event. It always names the pod's own run, which tells a restart from a quiet stream. */
  cursor(self: string, selfNumber: number): string {
    if (this.#text !== undefined && this.#textSelf === selfNumber) return this.#text;
    const own = cursorEntry(self, selfNumber);
    const entries: string[] = [];
    let placed = false;
    for (const row of this.#listed) {
      if (row.origin === self) continue;
      if (!placed && row.origin > self) {
        entries.push(own);
        placed = true;
      }
      row.text ??= cursorEntry(row.origin, row.last);
      entries.push(row.text);
    }
    if (!placed) entries.push(own);
    // Joined, for what is put together with `+` is kept in pieces: six times as large, for each event that is held.
    const text = entries.join('.');
    this.#text = text;
    this.#textSelf = selfNumber;
    return text;
  }

  /** Highest number of the origin that was appended; 0 when there is none. */
  last(origin: string): number {
    return this.#rows.get(origin)?.last ?? 0;
  }

  /** Highest number of the origin that has left the history; 0 when there is none. */
  floor(origin: string): number {
    return this.#rows.get(origin)?.floor ?? 0;
  }

  /** Origins with events in the history. */
  held(): Set<string> {
    const held = new Set<string>();
    for (const row of this.#rows.values()) if (row.last > row.floor) held.add(row.origin);
    return held;
  }

  /** Origins with events beyond the vector, in the history or gone. */
  newerThan(vector: Vector): Set<string> {
    const newer = new Set<string>();
    for (const row of this.#rows.values()) if (row.last > (vector.get(row.origin) ?? 0)) newer.add(row.origin);
    return newer;
  }

  /** Origins of which events have left the history, with the highest of these; as many as a cursor has room for. */
  floors(): Map<string, number> {
    const gone = [...this.#rows.values()].filter((row) => row.floor > 0);
    const latest = gone.toSorted((a, b) => b.lastTime - a.lastTime).slice(0, this.#maxListed - 1);
    return new Map(latest.map((row) => [row.origin, row.floor]));
  }

  /**
   * What someone at this vector has missed for good; `undefined` for nothing.
   *
   * @param timeOf When an event, that the history still holds, came.
   * @param known Whether the pod knows of an origin, though it may have no events here.
   */
  missing(
    vector: Vector,
    timeOf: (origin: string, n: number) => number | undefined,
    known: (origin: string) => boolean,
  ): Missing | undefined {
    const ranges: MissingRange[] = [];
    let newest: number | undefined;
    const newestSeen = (): number => (newest ??= this.#newestSeen(vector, timeOf));
    for (const row of this.#rows.values()) {
      const seen = vector.get(row.origin);
      if (row.floor <= (seen ?? 0)) continue;
      if (seen === undefined && this.#leftBefore(row.lastTime, newestSeen)) continue;
      ranges.push({ origin: row.origin, after: seen ?? 0, through: row.floor });
    }
    let unknown = false;
    for (const [origin, n] of vector) {
      if (this.#rows.has(origin) || known(origin)) continue;
      unknown = true;
      ranges.push({ origin, after: n, through: undefined });
    }
    if (unknown) return { reason: 'unknown-origin', ranges };
    if (ranges.length > 0) return { reason: 'expired', ranges };
    const forgot = this.#forgottenTime > -Infinity && !this.#leftBefore(this.#forgottenTime, newestSeen);
    return forgot ? { reason: 'expired', ranges } : undefined;
  }

  /**
   * Until when events may be left out of a cursor that has no room for more; `undefined` for one that has room, or names
   * nothing that is known here.
   */
  oldestNamed(vector: Vector, timeOf: (origin: string, n: number) => number | undefined): number | undefined {
    if (vector.size < this.#maxListed - 1) return undefined;
    let least = Infinity;
    for (const [origin, n] of vector) {
      const row = this.#rows.get(origin);
      if (row === undefined || n === 0) continue;
      const time = n >= row.last ? row.lastTime : (timeOf(origin, n) ?? row.floorTime);
      if (time > -Infinity) least = Math.min(least, time);
    }
    return least === Infinity ? undefined : least + AGE_ERROR;
  }

  /**
   * As much of a vector as a cursor has room for. Who was quiet longest goes; of origins that have nothing here yet, those
   * past half of the room.
   *
   * @param self This run, which every cursor names.
   */
  within(vector: Vector, self: string): Vector {
    if (vector.size <= this.#maxListed) return vector;
    const others = [...vector].filter(([origin]) => origin !== self);
    const strange = others.filter(([origin]) => !this.#rows.has(origin)).slice(0, Math.floor(this.#maxListed / 2));
    const known = others
      .filter(([origin]) => this.#rows.has(origin))
      .toSorted(([a], [b]) => (this.#rows.get(b)?.lastTime ?? 0) - (this.#rows.get(a)?.lastTime ?? 0));
    const own: Iterable<readonly [string, number]> = vector.has(self) ? [[self, vector.get(self) ?? 0]] : [];
    return new Map([...own, ...strange, ...known].slice(0, this.#maxListed));
  }

  /** Whether a cursor that names an event as new as `newestSeen` was given out after an origin, quiet since, had left it. */
  #leftBefore(lastTime: number, newestSeen: () => number): boolean {
    // Half an age for what pods differ in what they know of ages.
    return newestSeen() >= lastTime + 1.5 * this.#age;
  }

  /** A time, at the earliest, of the newest event on this channel that the vector names. */
  #newestSeen(vector: Vector, timeOf: (origin: string, n: number) => number | undefined): number {
    let newest = -Infinity;
    for (const [origin, n] of vector) {
      const row = this.#rows.get(origin);
      if (row === undefined || n < row.floor) continue;
      const time = n >= row.last ? row.eventTime : (timeOf(origin, n) ?? (n === row.floor ? row.floorTime : -Infinity));
      if (time > newest) newest = time;
    }
    return newest;
  }

  #row(origin: string): Row {
    let row = this.#rows.get(origin);
    if (row === undefined) {
      row = {
        origin,
        last: 0,
        lastTime: -Infinity,
        eventTime: -Infinity,
        floor: 0,
        floorTime: -Infinity,
        listed: false,
        text: undefined,
      };
      this.#rows.set(origin, row);
      if (this.#rows.size > MAX_ROWS) this.#forget(row);
    }
    return row;
  }

  #list(row: Row): void {
    row.listed = true;
    const at = this.#listed.findIndex(({ origin }) => origin > row.origin);
    this.#listed.splice(at < 0 ? this.#listed.length : at, 0, row);
    // One place is the pod's own.
    if (this.#listed.length > this.#maxListed - 1) this.#unlist(oldest(this.#listed.filter((each) => each !== row)));
  }

  #prune(now: number): void {
    const before = now - 2 * this.#age;
    if (this.#listed.length < 2) return;
    for (const row of this.#listed) if (row.lastTime <= before) return this.#pruneAll(before);
  }

  #pruneAll(before: number): void {
    for (const row of this.#listed) if (row.lastTime <= before) row.listed = false;
    this.#listed = this.#listed.filter((row) => row.listed);
    this.#text = undefined;
  }

  #unlist(row: Row | undefined): void {
    if (row === undefined) return;
    row.listed = false;
    this.#listed = this.#listed.filter((each) => each !== row);
    this.#text = undefined;
  }

  /** Drops the row that has been quiet longest, but the one just made. */
  #forget(fresh: Row): void {
    const row = oldest([...this.#rows.values()].filter((each) => each !== fresh));
    if (row === undefined) return;
    if (row.listed) this.#unlist(row);
    this.#rows.delete(row.origin);
    this.#forgottenTime = Math.max(this.#forgottenTime, row.lastTime);
  }
}

/** Milliseconds since a time; what never was is as old as can be said. */
function ageOf(now: number, time: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, now - time));
}

function oldest(rows: readonly Row[]): Row | undefined {
  let found: Row | undefined;
  for (const row of rows) if (found === undefined || row.lastTime < found.lastTime) found = row;
  return found;
}
