import type { IncomingMessage } from 'node:http';
import { InvalidArgumentError } from '../errors/index.js';
import { refuseUpgrade } from './respond.js';
import type { Connection, ResponseUpgrader, UpgradeRequest, UpgradeRoundTripper } from './types.js';
import { UpgradeFailureError, isUpgradeFailure } from './upgrade-failure.js';

/**
 * Serves several engines on one path: each request goes to the first upgrader that accepts it.
 *
 * A request that none accepts is answered with 400.
 *
 * @throws InvalidArgumentError without upgraders, and for what is none.
 */
export function anyResponseUpgrader(...upgraders: readonly ResponseUpgrader[]): ResponseUpgrader {
  if (upgraders.length === 0) throw new InvalidArgumentError('at least one upgrader is needed');
  if (!upgraders.every((upgrader) => typeof upgrader?.accepts === 'function')) {
    throw new InvalidArgumentError('an argument is no upgrader: anyResponseUpgrader(new …Upgrader(), new …Upgrader())');
  }
  const find = (req: IncomingMessage): ResponseUpgrader | undefined =>
    upgraders.find((upgrader) => upgrader.accepts(req));
  return {
    accepts: (req) => find(req) !== undefined,
    upgradeResponse(req, socket, head, newStreamHandler, headers): Connection | undefined {
      const upgrader = find(req);
      if (upgrader !== undefined) return upgrader.upgradeResponse(req, socket, head, newStreamHandler, headers);
      const wanted = req.headers.upgrade === undefined ? 'no Upgrade header' : `Upgrade: ${req.headers.upgrade}`;
      refuseUpgrade(socket, 400, `unable to upgrade: nothing here speaks what the request asks for (${wanted})`);
      return undefined;
    },
  };
}

/**
 * Dials with the first round tripper whose upgrade succeeds, most preferred first: a server, or a proxy before it, that
 * refuses one kind of upgrade is asked for the next. Other errors, such as a server that is not there, are thrown at once.
 *
 * @throws UpgradeFailureError, when all were refused: with the status of the last refusal, what each said in its message, and
 * an AggregateError of them as its cause; whatever else a round tripper throws; InvalidArgumentError without any.
 */
export async function dialFirst(
  roundTrippers: readonly Pick<UpgradeRoundTripper, 'dial'>[],
  request: UpgradeRequest,
): Promise<{ connection: Connection; protocol: string }> {
  if (!Array.isArray(roundTrippers) || !roundTrippers.every((one) => typeof one?.dial === 'function')) {
    throw new InvalidArgumentError('a list of round trippers is needed: dialFirst([new …RoundTripper()], request)');
  }
  if (roundTrippers.length === 0) throw new InvalidArgumentError('at least one round tripper is needed');
  const refusals: Error[] = [];
  for (const roundTripper of roundTrippers) {
    try {
      return await roundTripper.dial(request);
    } catch (error) {
      if (!(error instanceof Error) || !isUpgradeFailure(error)) throw error;
      refusals.push(error);
    }
  }
  const last = refusals.at(-1);
  if (refusals.length === 1 && last !== undefined) throw last;
  const { statusCode, status, body } = last instanceof UpgradeFailureError ? last : {};
  throw new UpgradeFailureError([...new Set(refusals.map(({ message }) => message))].join('; '), {
    initiator: 'remote',
    cause: new AggregateError(refusals, 'every kind of upgrade was refused'),
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
  });
}
