import { isIP, isIPv4 } from 'node:net';
import { InvalidArgumentError } from '../errors/index.js';
import { parsePort } from './ports.js';
import { MAX_PORT } from './protocol.js';

/** A local port and the port in the pod that it leads to. */
export interface PortMapping {
  /** Local port; 0 for any free one. Default: the same as `remote`. */
  readonly local?: number;
  /** Port in the pod, from 1 to 65,535. */
  readonly remote: number;
}

/** As kubectl writes it: `5000`, `8888:5000`, `:5000` or `0:5000` (any free local port); or a number, or both ports. */
export type PortSpec = string | number | PortMapping;

/** An address to listen on. */
export interface ListenAddress {
  readonly address: string;
  readonly family: 4 | 6;
  /** Whether it has to work. Of the two behind `localhost`, one is enough. */
  readonly required: boolean;
}

/**
 * Reads what to forward.
 *
 * Source: client-go `portforward.parsePorts`.
 *
 * @throws InvalidArgumentError for none at all, and for what is no port.
 */
export function parsePortSpecs(specs: PortSpec | readonly PortSpec[]): readonly Required<PortMapping>[] {
  const list = isList(specs) ? specs : [specs];
  if (list.length === 0) throw new InvalidArgumentError('at least 1 port must be given');
  return list.map(parsePortSpec);
}

function isList(specs: PortSpec | readonly PortSpec[]): specs is readonly PortSpec[] {
  return Array.isArray(specs);
}

function parsePortSpec(spec: PortSpec): Required<PortMapping> {
  if (typeof spec === 'string') {
    const parts = spec.split(':');
    const [first = '', second = first] = parts;
    if (parts.length > 2) throw new InvalidArgumentError(`invalid port format ${JSON.stringify(spec)}`);
    return checked(fromText('local', parts.length === 2 && first === '' ? '0' : first), fromText('remote', second));
  }
  if (typeof spec === 'number') return checked(spec, spec);
  if (typeof spec !== 'object' || spec === null) throw new InvalidArgumentError(`not a port: ${String(spec)}`);
  return checked(spec.local ?? spec.remote, spec.remote);
}

function fromText(which: 'local' | 'remote', text: string): number {
  const port = parsePort(text);
  if (port === undefined) throw new InvalidArgumentError(`not a ${which} port: ${JSON.stringify(text)}`);
  return port;
}

function checked(local: number, remote: number): Required<PortMapping> {
  for (const [which, port] of Object.entries({ local, remote })) {
    if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
      throw new InvalidArgumentError(`not a ${which} port: ${String(port)}`);
    }
  }
  if (remote === 0) throw new InvalidArgumentError('the remote port must be above 0');
  return { local, remote };
}

/**
 * Reads the addresses to listen on: `localhost` for 127.0.0.1 and ::1, and IP addresses. An address that is also named
 * itself is required. The result is sorted.
 *
 * Source: client-go `portforward.parseAddresses`.
 *
 * @throws InvalidArgumentError for none at all, and for what is neither.
 */
export function parseAddresses(addresses: string | readonly string[]): readonly ListenAddress[] {
  const list = typeof addresses === 'string' ? [addresses] : addresses;
  if (list.length === 0) throw new InvalidArgumentError('at least 1 address must be given');
  const found = new Map<string, ListenAddress>();
  for (const address of list) {
    if (address === 'localhost') {
      for (const loopback of ['127.0.0.1', '::1']) {
        if (!found.has(loopback)) found.set(loopback, entry(loopback, false));
      }
    } else if (isIP(address) === 0) {
      throw new InvalidArgumentError(`${JSON.stringify(address)} is not a valid IP`);
    } else {
      found.set(address, entry(address, true));
    }
  }
  return [...found.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

function entry(address: string, required: boolean): ListenAddress {
  return { address, family: isIPv4(address) ? 4 : 6, required };
}
