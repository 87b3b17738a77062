import { answer } from '../http/respond.js';
import type { PushRequest, PushResponse } from '../http/types.js';
import type { LogEvent } from '../log/types.js';
import { answerEtcdFailure, indexHeaders } from './answers.js';
import { etcdFailure } from './etcd-error.js';
import type { ActionOf } from './event.js';
import type { KeyRequest } from './request.js';
import { nodeOfKey } from './tree.js';
import type { KeyLog } from './types.js';

/** Answers what a key holds now; the headers say where to wait from. */
export function answerGet(
  req: PushRequest,
  res: PushResponse,
  log: KeyLog,
  { key, streams, recursive, sorted }: KeyRequest,
  actionOf: ActionOf,
  maxAnswerBytes: number,
): void {
  const newest = new Map<string, LogEvent>();
  const [only] = streams;
  const single = streams.length === 1 && only !== undefined && only !== '*' ? log.newest(only) : undefined;
  if (single !== undefined) newest.set(single.stream, single);
  else for (const event of log.history(streams)) newest.set(event.stream, event);
  let bytes = 0;
  for (const { stream, data } of newest.values()) bytes += stream.length + data.length;
  const tooLarge = newest.size > 1 && bytes > maxAnswerBytes;
  const node = tooLarge ? undefined : nodeOfKey(key, newest.values(), actionOf, { recursive, sorted });
  if (tooLarge) {
    const { body } = etcdFailure(209, `the values have more than ${maxAnswerBytes} bytes`, log.index);
    answerEtcdFailure(req, res, log.origin, { status: 413, body });
  } else if (node === undefined) {
    answerEtcdFailure(req, res, log.origin, etcdFailure(100, key, log.index));
  } else {
    const headers = indexHeaders(log.origin, log.index, log.cursor(streams));
    answer(req, res, 200, `${JSON.stringify({ action: 'get', node })}\n`, headers);
  }
}
