import { InvalidArgumentError } from '../errors/index.js';
import { MAX_PORT } from './protocol.js';

/**
 * Reads a decimal TCP port, as Go's `ParseUint` does.
 *
 * @returns `undefined` for anything but a whole number from 0 to 65,535.
 */
export function parsePort(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const port = Number(text);
  return port <= MAX_PORT ? port : undefined;
}

/**
 * The ports that a WebSocket request names in its query: `ports=80&ports=81` as at the API server, or `port=80,81` as at
 * a kubelet.
 *
 * Sources: core `v1.PodPortForwardOptions`, cri-streaming `portforward.NewV4Options`.
 *
 * @param most How many the wire has room for.
 * @throws InvalidArgumentError when there is none, when one is no port, or when there are more than `most`.
 */
export function parsePortQuery(query: URLSearchParams, most: number): readonly number[] {
  const values = [...query.getAll('ports'), ...query.getAll('port')];
  if (values.length === 0) throw refusal('query parameter "ports" is required');
  const ports = values.flatMap((value) => {
    if (value === '') throw refusal('query parameter "ports" cannot be empty');
    return value.split(',').map((text) => {
      const port = parsePort(text);
      if (port === undefined) throw refusal(`unable to parse ${JSON.stringify(text)} as a port`);
      if (port === 0) throw refusal(`port ${JSON.stringify(text)} must be > 0`);
      return port;
    });
  });
  if (ports.length > most) throw refusal(`at most ${most} ports can be forwarded at once, not ${ports.length}`);
  return ports;
}

function refusal(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message, { initiator: 'remote' });
}
