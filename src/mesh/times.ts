/** Periods of a mesh, in milliseconds. */
export interface MeshTimes {
  /** For the hello of another pod. Default 5,000. */
  readonly helloTimeout: number;
  /** Between pings on a link. An eighth of the history's age at most. Default 5,000. */
  readonly pingPeriod: number;
  /** Without an answer to a ping, until the link counts as lost. An eighth of the history's age at most. Default 10,000. */
  readonly pingTimeout: number;
  /** Before new peers are dialled, at most; the wait is random. Default 200. */
  readonly spread: number;
  /** After the first failure to dial; doubled with each more, and made random. Default 200. */
  readonly retry: number;
  /** The longest such wait. Default 10,000. */
  readonly maxRetry: number;
  /** Until events of a linked pod, that others have already, are asked of these. Default 500. */
  readonly directDelay: number;
  /** For an answer of a pod that is asked for events. Default 5,000. */
  readonly answerTimeout: number;
  /**
   * Until events that nobody within reach holds count as lost, while there are pods out of reach. Half the history's age at
   * most. Default 30,000.
   */
  readonly lossTimeout: number;
  /** For each part of the copy that a new pod takes of the log. Default 10,000. */
  readonly partTimeout: number;
  /** Until a pod that finds no other serves alone. Default 2,000. */
  readonly aloneAfter: number;
  /** Between tellings of what a pod has. Default 5,000. */
  readonly havePeriod: number;
  /** From a change of that until it is told, with up to five pods; with more it takes proportionally longer. Default 50. */
  readonly haveDelay: number;
}

/** The defaults of {@link MeshTimes}. */
export const DEFAULT_MESH_TIMES: MeshTimes = Object.freeze({
  helloTimeout: 5_000,
  pingPeriod: 5_000,
  pingTimeout: 10_000,
  spread: 200,
  retry: 200,
  maxRetry: 10_000,
  directDelay: 500,
  answerTimeout: 5_000,
  lossTimeout: 30_000,
  partTimeout: 10_000,
  aloneAfter: 2_000,
  havePeriod: 5_000,
  haveDelay: 50,
});
