import { isPort, normalizeIP } from '../../mesh/discovery/address.js';
import type { Peer } from '../../mesh/discovery/types.js';
import { fieldsOf, listOf, textOf, type Fields } from './fields.js';
import type { PeerRules } from './options.js';

/** Where an object stands among its kind. */
export function keyOf(object: Fields): string {
  const { namespace, name } = fieldsOf(object['metadata']);
  return `${textOf(namespace) ?? ''}/${textOf(name) ?? ''}`;
}

/** The peer that a pod is: Running, not terminating, with an address. `undefined` for any other. */
export function peerOfPod(pod: Fields, rules: PeerRules): Peer | undefined {
  const metadata = fieldsOf(pod['metadata']);
  const status = fieldsOf(pod['status']);
  if (status['phase'] !== 'Running' || isSet(metadata['deletionTimestamp'])) return undefined;
  const addresses = [...listOf(status['podIPs']).map((one) => fieldsOf(one)['ip']), status['podIP']];
  const host = preferred(addresses, rules);
  if (host === undefined) return undefined;
  const name = textOf(metadata['name']);
  const self = isSelf(name, host, rules);
  if (!self && !rules.includeNotReady && !isReady(status)) return undefined;
  const port = rules.portName === undefined ? rules.port : containerPort(pod, rules.portName);
  if (rules.portName !== undefined && port === undefined) return undefined;
  return { host, port, name, uid: textOf(metadata['uid']), self };
}

/** The peers that an EndpointSlice has, one for each endpoint that is not terminating. */
export function peersOfSlice(slice: Fields, rules: PeerRules): readonly Peer[] {
  if (slice['addressType'] === 'FQDN') return [];
  const port = rules.portName === undefined ? rules.port : slicePort(slice, rules.portName);
  if (rules.portName !== undefined && port === undefined) return [];
  return listOf(slice['endpoints']).flatMap((one) => peerOfEndpoint(fieldsOf(one), port, rules) ?? []);
}

function peerOfEndpoint(endpoint: Fields, port: number | undefined, rules: PeerRules): Peer | undefined {
  const { ready, terminating } = fieldsOf(endpoint['conditions']);
  if (terminating === true) return undefined;
  // All addresses of an endpoint are of one pod, and the first is to be used.
  const host = normalAddress(listOf(endpoint['addresses'])[0]);
  if (host === undefined) return undefined;
  const target = fieldsOf(endpoint['targetRef']);
  const isPod = target['kind'] === 'Pod';
  const name = isPod ? textOf(target['name']) : undefined;
  const self = isSelf(name, host, rules);
  // What is not said means ready.
  if (!self && !rules.includeNotReady && ready === false) return undefined;
  return { host, port, name, uid: isPod ? textOf(target['uid']) : undefined, self };
}

/**
 * One peer for each pod: an endpoint may be in several slices while the controller moves it, and a pod with addresses of
 * both families is in slices of both.
 */
export function distinctPeers(peers: Iterable<Peer>, { family }: PeerRules): readonly Peer[] {
  const byPod = new Map<string, Peer>();
  for (const peer of peers) {
    const key = peer.uid ?? `${peer.host} ${peer.port ?? ''}`;
    const other = byPod.get(key);
    if (other === undefined || rank(peer, family) < rank(other, family)) byPod.set(key, peer);
  }
  return [...byPod.values()];
}

/** The asking pod's family first; IPv4 first where that is unknown. */
function rank({ host }: Peer, family: 4 | 6 = 4): number {
  return familyOf(host) === family ? 0 : 1;
}

function preferred(addresses: readonly unknown[], { family }: PeerRules): string | undefined {
  const normal = addresses.flatMap((address) => normalAddress(address) ?? []);
  return normal.find((address) => familyOf(address) === family) ?? normal[0];
}

function normalAddress(value: unknown): string | undefined {
  return typeof value === 'string' ? normalizeIP(value) : undefined;
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function isSelf(name: string | undefined, host: string, { self }: PeerRules): boolean {
  return self.name !== undefined && name !== undefined ? name === self.name : host === self.ip;
}

function isReady(status: Fields): boolean {
  return listOf(status['conditions'])
    .map(fieldsOf)
    .some(({ type, status: value }) => type === 'Ready' && value === 'True');
}

function containerPort(pod: Fields, portName: string): number | undefined {
  const containers = listOf(fieldsOf(pod['spec'])['containers']).map(fieldsOf);
  return portNamed(
    containers.flatMap(({ ports }) => listOf(ports)),
    portName,
    'containerPort',
  );
}

function slicePort(slice: Fields, portName: string): number | undefined {
  return portNamed(listOf(slice['ports']), portName, 'port');
}

function portNamed(ports: readonly unknown[], portName: string, field: string): number | undefined {
  const port = ports.map(fieldsOf).find(({ name }) => name === portName)?.[field];
  return typeof port === 'number' && isPort(port) ? port : undefined;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}
