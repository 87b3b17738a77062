/** One entry of an `APIResourceList`. */
export interface APIResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** The document at `/api`. */
export function apiVersions(address: string): Record<string, unknown> {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** A group of resources beside the core, in its one version. */
export interface APIGroup {
  readonly name: string;
  readonly version: string;
}

/** The document at `/apis`. It has to be there even without groups: clients fail otherwise. */
export function apiGroupList(groups: readonly APIGroup[]): Record<string, unknown> {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupOf) };
}

/** The document at `/apis/` and the name of a group. */
export function apiGroup(group: APIGroup): Record<string, unknown> {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) };
}

function groupOf({ name, version }: APIGroup): Record<string, unknown> {
  const one = { groupVersion: `${name}/${version}`, version };
  return { name, versions: [one], preferredVersion: one };
}

/** The document at `/api/v1`, or at `/apis/`, group and version. */
export function apiResourceList(groupVersion: string, resources: readonly APIResource[]): Record<string, unknown> {
  return { kind: 'APIResourceList', ...(groupVersion === 'v1' ? {} : { apiVersion: 'v1' }), groupVersion, resources };
}

/** The document at `/version`: the release whose API this server follows, and what it runs on. */
export function versionInfo(): Record<string, unknown> {
  return {
    major: '1',
    minor: '32',
    gitVersion: 'v1.32.0+trunkline',
    gitCommit: '',
    gitTreeState: '',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch}`,
  };
}
