import type { OutgoingHttpHeaders } from 'node:http';
import { answer } from '../http/respond.js';
import { CURSOR_HEADER, RUN_HEADER, type PushRequest, type PushResponse } from '../http/types.js';
import type { EtcdFailure } from './etcd-error.js';

/** Of an answer that has a JSON document per line: one parsed as a whole would be wrong as soon as there are two. */
export const LINES_TYPE = 'application/x-ndjson';

const EXPOSE = 'Access-Control-Expose-Headers';

/**
 * The headers of etcd that are true of a log: its newest index, and as the id of the cluster the run. There is no Raft.
 *
 * @param cursor The position before what the body brings.
 */
export function indexHeaders(origin: string, index: number, cursor?: string): OutgoingHttpHeaders {
  return {
    'Content-Type': 'application/json',
    'X-Etcd-Cluster-Id': origin,
    'X-Etcd-Index': index,
    [RUN_HEADER]: origin,
    ...(cursor === undefined ? {} : { [CURSOR_HEADER]: cursor }),
  };
}

/** Lets pages that may read the response read the index too. */
export function exposeIndex(res: PushResponse): void {
  const exposed = res.getHeader(EXPOSE);
  if (typeof exposed === 'string') res.setHeader(EXPOSE, `${exposed}, X-Etcd-Index, X-Etcd-Cluster-Id`);
}

/** Answers with an error of etcd's. */
export function answerEtcdFailure(
  req: PushRequest,
  res: PushResponse,
  origin: string,
  { status, body }: EtcdFailure,
): void {
  answer(req, res, status, `${JSON.stringify(body)}\n`, indexHeaders(origin, body.index));
}
