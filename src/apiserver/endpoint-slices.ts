import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { systemWallClock, type WallClock } from '../clock/wall.js';
import { InvalidArgumentError } from '../errors/index.js';
import { rfc3339 } from './namespaces.js';
import type { Endpoint, EndpointPort, EndpointSlice, Pod, Service } from './objects.js';
import type { MemoryStore, ResourceReader } from './store.js';

/** Label that names the Service of a slice. */
const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
/** Letters of generated names (apimachinery `util/rand`): none that make words. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const FAMILIES = ['IPv4', 'IPv6'] as const;
const ENDED: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

type Family = (typeof FAMILIES)[number];

/** What an {@link EndpointSliceController} reads, and where it writes. */
export interface EndpointSliceControllerOptions {
  readonly pods: ResourceReader<Pod>;
  readonly services: ResourceReader<Service>;
  readonly slices: MemoryStore<EndpointSlice>;
  /** Endpoints of one slice at most. Default 100. */
  readonly maxEndpointsPerSlice?: number;
  readonly wallClock?: WallClock;
}

/** Endpoints that can share a slice. */
interface Group {
  readonly addressType: Family;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/**
 * Keeps the EndpointSlices of Services with a selector in step with Services and pods: one endpoint for each pod that has
 * an address and has not ended, ready or not, terminating or not. Changes of one tick are taken together, and a slice that
 * stays as it is gets no new version. Slices of others are left alone.
 *
 * Source: kube-controller-manager `k8s.io/endpointslice` (reconciler, utils).
 */
export class EndpointSliceController {
  readonly #options: EndpointSliceControllerOptions;
  readonly #most: number;
  readonly #wallClock: WallClock;
  readonly #unsubscribe: readonly (() => void)[];
  #due = false;
  #closed = false;

  /** Begins at once. @throws InvalidArgumentError for a `maxEndpointsPerSlice` that is no whole number from 1. */
  constructor(options: EndpointSliceControllerOptions) {
    this.#options = options;
    this.#most = options.maxEndpointsPerSlice ?? 100;
    if (!Number.isSafeInteger(this.#most) || this.#most < 1) {
      throw new InvalidArgumentError(`maxEndpointsPerSlice must be a whole number from 1, not ${this.#most}`);
    }
    this.#wallClock = options.wallClock ?? systemWallClock;
    const later = (): void => this.#later();
    this.#unsubscribe = [options.pods.subscribe(later), options.services.subscribe(later)];
    this.#reconcile();
  }

  /** Stops; slices stay as they are. */
  close(): void {
    this.#closed = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #later(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      if (!this.#closed) this.#reconcile();
    });
  }

  #reconcile(): void {
    const { services, slices } = this.#options;
    const pods = this.#options.pods.list().items;
    const managed = slices.list().items.filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === MANAGER);
    const kept = new Set<EndpointSlice>();
    for (const service of services.list().items) {
      if (Object.keys(service.spec.selector ?? {}).length === 0) continue;
      const own = managed.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === service.metadata.uid);
      for (const group of groupsOf(service, pods)) {
        for (const slice of this.#reconcileGroup(service, group, own.filter(fits(group)))) kept.add(slice);
      }
    }
    for (const slice of managed) {
      if (!kept.has(slice)) slices.delete(slice.metadata.namespace, slice.metadata.name);
    }
  }

  /** Brings the slices of a group up to date; returns those of `existing` that stay. */
  #reconcileGroup(service: Service, group: Group, existing: readonly EndpointSlice[]): readonly EndpointSlice[] {
    const missing = new Map(group.endpoints);
    const plans = existing.map((slice) => {
      // An endpoint stays in its slice, so that no reader sees it in none.
      const endpoints = slice.endpoints.flatMap(({ targetRef }) => {
        const uid = targetRef?.uid ?? '';
        const current = missing.get(uid);
        missing.delete(uid);
        return current ?? [];
      });
      return { slice, endpoints };
    });
    const left = [...missing.values()];
    for (const { endpoints } of plans) endpoints.push(...left.splice(0, this.#most - endpoints.length));
    const fresh: Endpoint[][] = [];
    while (left.length > 0) fresh.push(left.splice(0, this.#most));
    // A Service without endpoints has one empty slice.
    const [first] = plans;
    if (group.endpoints.size === 0 && first === undefined) fresh.push([]);
    const staying = plans.filter((plan) => plan.endpoints.length > 0 || (group.endpoints.size === 0 && plan === first));
    for (const endpoints of fresh) this.#options.slices.put(this.#newSlice(service, group, endpoints));
    for (const { slice, endpoints } of staying) this.#update(slice, endpoints);
    return staying.map(({ slice }) => slice);
  }

  #update(slice: EndpointSlice, endpoints: readonly Endpoint[]): void {
    if (JSON.stringify(slice.endpoints) === JSON.stringify(endpoints)) return;
    const { metadata } = slice;
    const generation = (metadata.generation ?? 1) + 1;
    this.#options.slices.put({ ...slice, metadata: { ...metadata, generation }, endpoints });
  }

  #newSlice({ metadata: service, spec }: Service, group: Group, endpoints: readonly Endpoint[]): EndpointSlice {
    const uid = randomUUID();
    const owner = { apiVersion: 'v1', kind: 'Service', name: service.name, uid: service.uid };
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${service.name}-${suffixOf(uid)}`,
        generateName: `${service.name}-`,
        namespace: service.namespace,
        uid,
        generation: 1,
        creationTimestamp: rfc3339(this.#wallClock.now()),
        labels: {
          ...service.labels,
          [SERVICE_NAME]: service.name,
          [MANAGED_BY]: MANAGER,
          ...(spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
        },
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
      },
      addressType: group.addressType,
      endpoints,
      ports: group.ports,
    };
  }
}

function fits({ addressType, ports }: Group): (slice: EndpointSlice) => boolean {
  const wanted = JSON.stringify(ports);
  return (slice) => slice.addressType === addressType && JSON.stringify(slice.ports ?? []) === wanted;
}

/** The pods of a Service by address family and by what its named ports mean to them; one empty group when there are none. */
function groupsOf(service: Service, pods: readonly Pod[]): readonly Group[] {
  const families = service.spec.ipFamilies ?? FAMILIES;
  const groups = new Map<string, Group>();
  for (const pod of pods.filter((one) => isBehind(service, one))) {
    const ports = portsFor(service, pod);
    for (const addressType of families) {
      const address = addressOf(pod, addressType);
      if (address === undefined) continue;
      const key = `${addressType} ${JSON.stringify(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: new Map<string, Endpoint>() };
      groups.set(key, group);
      group.endpoints.set(pod.metadata.uid, endpointOf(service, pod, address));
    }
  }
  if (groups.size > 0) return [...groups.values()];
  return [{ addressType: families[0] ?? 'IPv4', ports: [], endpoints: new Map() }];
}

function isBehind({ metadata, spec }: Service, pod: Pod): boolean {
  if (pod.metadata.namespace !== metadata.namespace || ENDED.has(pod.status.phase)) return false;
  const { labels = {} } = pod.metadata;
  return Object.entries(spec.selector ?? {}).every(([name, value]) => labels[name] === value);
}

function addressOf({ status }: Pod, family: Family): string | undefined {
  const addresses = [
    ...(status.podIPs ?? []).map(({ ip }) => ip),
    ...(status.podIP === undefined ? [] : [status.podIP]),
  ];
  return addresses.find((ip) => isIP(ip) === (family === 'IPv4' ? 4 : 6));
}

function endpointOf({ spec }: Service, { metadata, spec: { nodeName }, status }: Pod, address: string): Endpoint {
  const serving = (status.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
  const terminating = metadata.deletionTimestamp !== undefined;
  const ready = spec.publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
  };
}

function portsFor({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap(({ name, protocol = 'TCP', port, targetPort = port }) => {
    const number = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort);
    // A pod that does not name the port is behind the Service without it.
    return number === undefined ? [] : [{ name: name ?? '', protocol, port: number }];
  });
}

function namedPort({ spec }: Pod, wanted: string): number | undefined {
  return spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === wanted)?.containerPort;
}

function suffixOf(uid: string): string {
  const bytes = Buffer.from(uid.replaceAll('-', ''), 'hex').subarray(0, 5);
  return [...bytes].map((byte) => SUFFIX_LETTERS.charAt(byte % SUFFIX_LETTERS.length)).join('');
}
