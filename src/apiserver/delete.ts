import type { RequestContext } from './context.js';
import { parseDeleteOptions, type DeleteOptions } from './delete-options.js';
import type { Pod } from './objects.js';
import { readBody } from './read-body.js';
import { sendJSON } from './respond.js';
import type { PodRuntime } from './runtime.js';
import { statusError } from './status-error.js';
import type { ServerResponse } from 'node:http';

/** Bytes that a DeleteOptions may have; they are a few hundred. */
const MAX_BODY = 64 * 1024;
/** What a pod that names none is given (core `v1/defaults.go`). */
const DEFAULT_GRACE = 30;
/** Longest grace period that is kept: a year, in seconds. */
const MAX_GRACE = 365 * 24 * 3600;

/**
 * Serves `delete` of a pod: the answer is the pod as it is then, marked as terminating; it goes away once its processes
 * have. A second request may shorten the grace period and changes nothing else.
 *
 * @param podOf The pod that the request means, or a StatusError (404).
 *
 * Sources: apiserver `registry/rest/delete.go` (BeforeDelete), core `registry/core/pod/strategy.go` (CheckGracefulDelete).
 */
export async function serveDelete(
  remove: NonNullable<PodRuntime['delete']>,
  podOf: () => Pod,
  { req, query }: RequestContext,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(req, response, MAX_BODY);
  if (body === undefined) return;
  const options = parseDeleteOptions(req, body, query);
  // Only now: while the body was on its way, the pod may have changed.
  const pod = podOf();
  checkPreconditions(pod, options.preconditions);
  const grace = graceOf(pod, options.gracePeriodSeconds);
  const deleted = options.dryRun || grace === undefined ? pod : await remove(pod, { gracePeriodSeconds: grace });
  sendJSON(response, deleted);
}

function checkPreconditions({ metadata }: Pod, { uid, resourceVersion }: DeleteOptions['preconditions']): void {
  const refuse = (what: string, wanted: string, actual: string | undefined): never => {
    const { name } = metadata;
    throw statusError(
      409,
      `Operation cannot be fulfilled on pods "${name}": Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${actual}`,
      undefined,
      { name, kind: 'pods' },
    );
  };
  if (uid !== undefined && uid !== metadata.uid) refuse('UID', uid, metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    refuse('ResourceVersion', resourceVersion, metadata.resourceVersion);
  }
}

/** Seconds until force is used; `undefined` when the pod is being deleted already, and no later than this. */
function graceOf({ metadata, spec, status }: Pod, wanted: number | undefined): number | undefined {
  const ended = status.phase === 'Succeeded' || status.phase === 'Failed';
  const asked = wanted ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE;
  const grace = ended ? 0 : asked < 0 ? 1 : Math.min(asked, MAX_GRACE);
  if (metadata.deletionTimestamp === undefined) return grace;
  if (wanted === undefined || grace >= (metadata.deletionGracePeriodSeconds ?? 0)) return undefined;
  return grace;
}
