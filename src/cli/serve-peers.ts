import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { InvalidArgumentError } from '../errors/index.js';
import { EndpointSlicePeerFinder } from '../kubernetes/peer-finders/endpoint-slice-peer-finder.js';
import { PodPeerFinder } from '../kubernetes/peer-finders/pod-peer-finder.js';
import type { Logger } from '../logger/logger.js';
import { DnsPeerFinder } from '../mesh/discovery/dns.js';
import { podAddresses } from '../mesh/discovery/self.js';
import { LocalhostPeerFinder, StaticPeerFinder } from '../mesh/discovery/static.js';
import type { PeerFinder } from '../mesh/discovery/types.js';

/** The headless Service of `deploy/`, and of the embedded cluster. */
const DEFAULT_SERVICE = 'trunkline-serve-mesh';

/** What a finder is made of, besides `--peers`. */
export interface PeerFlags {
  readonly internalPort: number;
  /** Address of the internal port. */
  readonly host: string;
  readonly selector: string | undefined;
  readonly namespace: string | undefined;
  readonly portName: string | undefined;
  readonly logger: Logger;
}

/** Makes the finder that `--peers` means. @throws InvalidArgumentError that says what it must be. */
export function peerFinder(text: string, flags: PeerFlags): PeerFinder {
  const colon = text.indexOf(':');
  const kind = colon === -1 ? text : text.slice(0, colon);
  const rest = colon === -1 ? '' : text.slice(colon + 1);
  switch (kind) {
    case 'localhost':
      return nobody(flags);
    case 'static':
      return staticFinder(rest, flags);
    case 'dns':
      return dnsFinder(rest, flags);
    case 'kubernetes':
      return podFinder(flags);
    case 'endpointslices':
      return new EndpointSlicePeerFinder({
        ...kubernetesOptions(flags),
        service: rest === '' ? DEFAULT_SERVICE : rest,
      });
    default:
      throw new InvalidArgumentError(
        `--peers must be kubernetes, endpointslices[:SERVICE], dns:NAME, static:ADDRESS,ADDRESS or localhost, not ${JSON.stringify(text)}`,
      );
  }
}

/** Pods that were meant to be linked, and run each on its own, look well until somebody misses events. */
function nobody({ selector, logger }: PeerFlags): PeerFinder {
  if (selector !== undefined) {
    throw new InvalidArgumentError('--selector finds pods with --peers kubernetes, and --peers is localhost (nobody)');
  }
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined) {
    logger.warn({}, 'this pod shares events with no other: --peers is localhost');
  }
  return new LocalhostPeerFinder();
}

function staticFinder(list: string, flags: PeerFlags): PeerFinder {
  const addresses = list.split(',').map((address) => address.trim());
  if (list.trim() === '' || addresses.includes('')) {
    throw new InvalidArgumentError(
      '--peers static: needs addresses: static:10.0.0.1,10.0.0.2 or static:127.0.0.1:7001',
    );
  }
  return new StaticPeerFinder(addresses, { self: ownAddresses(flags) });
}

function dnsFinder(name: string, flags: PeerFlags): PeerFinder {
  const [, host = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(name) ?? [];
  if (host === '') throw new InvalidArgumentError('--peers dns: needs a name: dns:web-mesh.team.svc.cluster.local');
  const { portName, logger } = flags;
  return new DnsPeerFinder(host, {
    self: ownAddresses(flags),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(portName === undefined ? {} : { portName }),
    onError: (error) => logger.warn({ error: error.message }, 'peers cannot be looked up; those known stay'),
  });
}

function podFinder(flags: PeerFlags): PeerFinder {
  const { selector } = flags;
  if (selector === undefined) {
    throw new InvalidArgumentError('--peers kubernetes needs --selector, the labels of the pods: --selector app=web');
  }
  return new PodPeerFinder({ ...kubernetesOptions(flags), labelSelector: selector });
}

function kubernetesOptions({ namespace, portName, logger }: PeerFlags): {
  readonly namespace?: string;
  readonly portName?: string;
  readonly onError: (error: Error) => void;
} {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(portName === undefined ? {} : { portName }),
    onError: (error) => logger.warn({ error: error.message }, 'peers cannot be watched; those known stay'),
  };
}

/** Own addresses with the own port, for several pods may share an address. */
function ownAddresses({ host, internalPort }: PeerFlags): string[] {
  const isAny = host === '0.0.0.0' || host === '::';
  const addresses = isAny ? (podAddresses() ?? interfaceAddresses()) : isIP(host) === 0 ? interfaceAddresses() : [host];
  // A port that is taken from those that are free is in nobody's list.
  if (internalPort === 0) return [];
  return addresses.map((address) =>
    isIP(address) === 6 ? `[${address}]:${internalPort}` : `${address}:${internalPort}`,
  );
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
}
