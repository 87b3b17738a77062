import type { LogEvent } from '../log/types.js';
import { nodeOf, removes, type ActionOf, type EtcdNode } from './event.js';
import { keyOf } from './key.js';

/** A key with what lies below it. A stream may have events and streams below it, a key of etcd's may not. */
interface Branch {
  leaf?: EtcdNode;
  readonly children: Map<string, Branch>;
}

/** How a directory is shown. */
export interface DirectoryOptions {
  /** With all that lies below it; otherwise one level. */
  readonly recursive: boolean;
  readonly sorted: boolean;
}

/**
 * What a `get` shows of a key: as a file the newest event of its stream, or as a directory the streams below it.
 * `undefined` when there is neither; a newest event that takes its key away counts as none. The root is always there.
 *
 * A stream that has events and streams below it is shown as a file where only one level is asked for, and recursively as
 * a directory, in which it comes first.
 *
 * @param newest The newest event of the key's stream and of those below it.
 */
export function nodeOfKey(
  key: string,
  newest: Iterable<LogEvent>,
  actionOf: ActionOf,
  { recursive, sorted }: DirectoryOptions,
): EtcdNode | undefined {
  const root: Branch = { children: new Map() };
  for (const event of newest) plant(root, key, event, actionOf(event));
  if (root.leaf !== undefined && (!recursive || root.children.size === 0)) return root.leaf;
  if (key === '/') return { dir: true, ...nodesOf('', root, recursive, sorted) };
  return root.children.size === 0 ? undefined : { key, dir: true, ...nodesOf(key, root, recursive, sorted) };
}

function plant(root: Branch, key: string, event: LogEvent, action: string): void {
  if (removes(action)) return;
  let branch = root;
  const own = keyOf(event.stream);
  if (own !== key) {
    for (const segment of own.slice(key === '/' ? 1 : key.length + 1).split('/')) {
      const next: Branch = branch.children.get(segment) ?? { children: new Map() };
      branch.children.set(segment, next);
      branch = next;
    }
  }
  branch.leaf = nodeOf(event, action);
}

function nodesOf(
  key: string,
  { leaf, children }: Branch,
  recursive: boolean,
  sorted: boolean,
): Pick<EtcdNode, 'nodes'> {
  const nodes: EtcdNode[] = leaf === undefined ? [] : [leaf];
  const entries = [...children];
  if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [segment, branch] of entries) {
    const below = `${key}/${segment}`;
    const isFile = branch.leaf !== undefined && (!recursive || branch.children.size === 0);
    if (isFile && branch.leaf !== undefined) nodes.push(branch.leaf);
    else nodes.push({ key: below, dir: true, ...(recursive ? nodesOf(below, branch, recursive, sorted) : {}) });
  }
  // An empty directory has no nodes, as in etcd.
  return nodes.length === 0 ? {} : { nodes };
}
