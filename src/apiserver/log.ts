import type { ServerResponse } from 'node:http';
import type { WallClock } from '../clock/wall.js';
import { containerOf } from './connect.js';
import type { RequestContext } from './context.js';
import { integerOf } from './list-options.js';
import type { Pod } from './objects.js';
import { isTrue } from './request-info.js';
import type { PodLogOptions, PodRuntime } from './runtime.js';
import { badRequest, invalid } from './status-error.js';

/** Serves `pods/log`: as much as is asked for, at the client's pace, until the client is gone. */
export function serveLog(
  runtime: PodRuntime,
  pod: Pod,
  { query, req, signal }: RequestContext,
  response: ServerResponse,
  clock: WallClock,
): void {
  const source = runtime.logs(pod, parseLogOptions(pod, query, clock));
  response.writeHead(200, {
    'Content-Type': 'text/plain',
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
  });
  // A follower wants to know that it is connected before the first line comes.
  response.flushHeaders();
  if (req.method === 'HEAD') {
    source.destroy();
    response.end();
    return;
  }
  const stop = (): void => {
    // An orderly end: the client has whole lines, and is not told of an error.
    source.unpipe(response);
    source.destroy();
    response.end();
  };
  source.once('error', () => response.destroy());
  response.once('close', () => {
    signal.removeEventListener('abort', stop);
    source.destroy();
  });
  signal.addEventListener('abort', stop);
  source.pipe(response);
  if (signal.aborted) stop();
}

/**
 * Reads the query of a log request.
 *
 * @throws StatusError: 400 for what cannot be read and for a container that the pod does not have; 422 for values out of
 * range (core `validation.ValidatePodLogOptions`).
 */
export function parseLogOptions(pod: Pod, query: URLSearchParams, clock: WallClock): PodLogOptions {
  const tailLines = integerOf(query, 'tailLines');
  if (tailLines !== undefined && tailLines < 0) {
    throw invalid('PodLogOptions', 'tailLines', `Invalid value: ${tailLines}: must be greater than or equal to 0`);
  }
  const limitBytes = integerOf(query, 'limitBytes');
  if (limitBytes !== undefined && limitBytes < 1) {
    throw invalid('PodLogOptions', 'limitBytes', `Invalid value: ${limitBytes}: must be greater than 0`);
  }
  const since = sinceOf(query, clock);
  return {
    container: containerOf(pod, query.get('container')),
    follow: isTrue(query.get('follow')),
    previous: isTrue(query.get('previous')),
    timestamps: isTrue(query.get('timestamps')),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
  };
}

function sinceOf(query: URLSearchParams, clock: WallClock): Date | undefined {
  const seconds = integerOf(query, 'sinceSeconds');
  const time = query.get('sinceTime') || undefined;
  if (seconds !== undefined && time !== undefined) {
    throw invalid(
      'PodLogOptions',
      'sinceSeconds',
      'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    );
  }
  if (time !== undefined) {
    const since = new Date(time);
    if (Number.isNaN(since.getTime())) throw badRequest(`sinceTime: ${JSON.stringify(time)} is not an RFC 3339 time`);
    return since;
  }
  if (seconds === undefined) return undefined;
  if (seconds < 1) {
    throw invalid('PodLogOptions', 'sinceSeconds', `Invalid value: ${seconds}: must be greater than 0`);
  }
  return new Date(clock.now().getTime() - seconds * 1000);
}
