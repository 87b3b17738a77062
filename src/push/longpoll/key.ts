/** The key of a stream: a slash before its name. */
export function keyOf(stream: string): string {
  return `/${stream}`;
}

/** What a path means. */
export interface KeyPath {
  /** The root is `/`. */
  readonly key: string;
  /** It ends with a slash, or is the root: a directory is meant. */
  readonly directory: boolean;
}

/**
 * The key that a path means behind a prefix, cleaned as etcd does it (Go's `path.Clean`): percent-decoded, without doubled
 * slashes, dot segments and a slash at the end. `undefined` when the path lies outside of the prefix or cannot be decoded.
 */
export function keyOfPath(path: string, prefix: string): KeyPath | undefined {
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
  const segments: string[] = [];
  let decoded: string;
  try {
    decoded = decodeURIComponent(path.slice(prefix.length));
  } catch {
    return undefined;
  }
  for (const segment of decoded.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return { key: keyOf(segments.join('/')), directory: segments.length === 0 || decoded.endsWith('/') };
}

/** What a request for a key reads: the stream of that name; `below`, those too whose names go on behind a slash. */
export function targetsOf(key: string, below: boolean): readonly string[] {
  const stream = key.slice(1);
  if (stream === '') return ['*'];
  return below ? [stream, `${stream}/*`] : [stream];
}
