import { isUrlTarget, subresourceUrl } from '../carrier/target.js';
import type { RemoteCommandTarget } from './client-types.js';
import { writeQuery } from './query.js';
import type { RemoteCommandRequest } from './types.js';

export { connectionOf } from '../carrier/target.js';

/**
 * The address for `action` on a target, with the query that says what is wanted.
 *
 * @throws InvalidArgumentError for an unusable address or name.
 */
export function targetUrl(target: RemoteCommandTarget, action: 'exec' | 'attach', request: RemoteCommandRequest): URL {
  const url = subresourceUrl(target, action);
  if (isUrlTarget(target)) {
    const command = request.command.length === 0 ? url.searchParams.getAll('command') : request.command;
    const container = request.container ?? (url.searchParams.get('container') || undefined);
    writeQuery(url.searchParams, { ...request, command, container });
  } else {
    writeQuery(url.searchParams, request);
  }
  return url;
}
