import { LimitExceededError } from '../../errors/index.js';
import { isPort, normalizeIP, normalizeName, type HostPort } from './address.js';
import type { AddressRecord, PeerResolver } from './dns-options.js';
import { isEmptyAnswer, isUnknownName } from './dns-resolver.js';

/** Targets of SRV records that are looked up at a time. */
const AT_A_TIME = 16;

/** What DNS says of a name now. */
export interface DnsAnswer {
  readonly addresses: readonly HostPort[];
  /** Seconds that all of it lives. */
  readonly ttl: number;
}

/** A question about peers. */
export interface DnsQuestion {
  readonly name: string;
  /** Name of the port, for SRV. */
  readonly portName: string | undefined;
  readonly port: number | undefined;
  readonly maxPeers: number;
}

/**
 * Asks for addresses, IPv4 and IPv6, or for SRV records and the addresses of their targets. An answer is whole or fails: a
 * family whose question failed is no family without addresses.
 *
 * @throws what the resolver rejects with; LimitExceededError for more peers than `maxPeers`.
 */
export async function askDns(resolver: PeerResolver, question: DnsQuestion): Promise<DnsAnswer> {
  const { name, portName, port, maxPeers } = question;
  const answer =
    portName === undefined
      ? answerOf(await addressesOf(resolver, name), port)
      : await askServices(resolver, `_${portName}._tcp.${name}`, maxPeers);
  checkCount(answer.addresses.length, question.name, maxPeers);
  return answer;
}

async function askServices(resolver: PeerResolver, name: string, maxPeers: number): Promise<DnsAnswer> {
  const records = await unlessEmpty(resolver.resolveSrv(name));
  checkCount(records.length, name, maxPeers);
  const waiting = records.filter(({ port }) => isPort(port));
  const found: DnsAnswer[] = [];
  while (waiting.length > 0) {
    const some = waiting.splice(0, AT_A_TIME);
    found.push(...(await Promise.all(some.map((record) => askTarget(resolver, record.name, record.port)))));
  }
  return {
    addresses: found.flatMap(({ addresses }) => addresses),
    ttl: Math.min(Infinity, ...found.map(({ ttl }) => ttl)),
  };
}

async function askTarget(resolver: PeerResolver, target: string, port: number): Promise<DnsAnswer> {
  const address = normalizeIP(target);
  if (address !== undefined) return { addresses: [{ host: address, port }], ttl: Infinity };
  const name = normalizeName(target);
  // Records come from outside: what is no name is no peer.
  return name === undefined
    ? { addresses: [], ttl: Infinity }
    : oneOf(answerOf(await addressesOf(resolver, name), port));
}

/** A pod has one name and may have an address of each family; one of them is enough to reach it. */
function oneOf({ addresses, ttl }: DnsAnswer): DnsAnswer {
  return { addresses: addresses.slice(0, 1), ttl };
}

async function addressesOf(resolver: PeerResolver, name: string): Promise<readonly AddressRecord[]> {
  const families = await Promise.allSettled([
    unlessEmpty(resolver.resolve4(name, { ttl: true })),
    unlessEmpty(resolver.resolve6(name, { ttl: true })),
  ]);
  const known = families.some((family) => family.status === 'fulfilled' && family.value.length > 0);
  return families.flatMap((family) => {
    if (family.status === 'fulfilled') return family.value;
    // Some name servers know no name without records of the kind; so does a hosts file.
    if (known && isUnknownName(family.reason)) return [];
    throw family.reason;
  });
}

async function unlessEmpty<T>(question: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await question;
  } catch (error) {
    if (isEmptyAnswer(error)) return [];
    throw error;
  }
}

function answerOf(records: readonly AddressRecord[], port: number | undefined): DnsAnswer {
  const hosts = new Set(records.flatMap(({ address }) => normalizeIP(address) ?? []));
  return {
    addresses: [...hosts].map((host) => ({ host, port })),
    ttl: Math.min(Infinity, ...records.map(({ ttl }) => ttl)),
  };
}

function checkCount(count: number, name: string, maxPeers: number): void {
  if (count <= maxPeers) return;
  throw new LimitExceededError('maxPeers', `${name} has ${count} records, more than maxPeers, ${maxPeers}`);
}
