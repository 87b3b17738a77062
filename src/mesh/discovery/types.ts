/** A pod of the mesh, as a finder sees it. */
export interface Peer {
  /** IP address or host name, IPv6 without brackets. */
  readonly host: string;
  /** Port of its internal server; `undefined`: the same as that of the pod that asks. */
  readonly port?: number | undefined;
  /** Name of the pod, where the source has one. */
  readonly name?: string | undefined;
  /** Unique for each run of a pod, where the source has one: a new pod at an old address has another. */
  readonly uid?: string | undefined;
  /** Whether this is the pod that asks. */
  readonly self: boolean;
}

/** Options of `peers`. */
export interface FindOptions {
  /** Ends the iteration, quietly. */
  readonly signal?: AbortSignal;
}

/**
 * Finds the pods of a mesh. Each set is the whole of what is known, the asking pod included where the source lists it, and
 * replaces the one before; sets come only when something has changed. Failures after the first set do not end the
 * iteration: the last known peers stay while the source is asked again. A peer that stays as it was is the same object
 * from set to set; a reader that is slow gets the newest set only.
 */
export interface PeerFinder {
  /** Throws, or the first `next` rejects, when the source cannot be asked even once. */
  peers(options?: FindOptions): AsyncIterable<readonly Peer[]>;
}
