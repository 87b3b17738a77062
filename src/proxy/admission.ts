import type { IncomingMessage } from 'node:http';
import { originRefusal } from '../carrier/websocket/index.js';
import { fieldsOf, listOf, valuesOf } from './fields.js';
import type { ProxySettings } from './options.js';
import { RefusedError, badRequest } from './refusal.js';

/**
 * The checks of a plain request: Host, then the `authorize` hook.
 *
 * @throws RefusedError; what the hook throws.
 */
export async function admitPlain(req: IncomingMessage, settings: ProxySettings): Promise<void> {
  // A page's plain requests are for the backend to judge, which sees their Origin.
  checkOrigin(req, settings, 'any');
  await authorize(req, settings);
}

/**
 * The checks of an upgrade: its form, Host and Origin, then the `authorize` hook.
 *
 * @throws RefusedError; what the hook throws.
 */
export async function admitUpgrade(req: IncomingMessage, settings: ProxySettings): Promise<void> {
  checkForm(req, settings);
  checkOrigin(req, settings, settings.allowedOrigins);
  if (settings.requireOrigin && req.headersDistinct.origin === undefined) {
    throw new RefusedError({ code: 403, message: 'forbidden: the request has no Origin' });
  }
  await authorize(req, settings);
}

/** A body, or a protocol that nobody knows, would let bytes through that the backend takes for another request. */
function checkForm(req: IncomingMessage, { upgradeTokens }: ProxySettings): void {
  const fields = fieldsOf(req.rawHeaders);
  const lengths = valuesOf(fields, 'content-length');
  if (valuesOf(fields, 'transfer-encoding').length > 0 || lengths.some((length) => Number(length) !== 0)) {
    throw badRequest('unable to upgrade: an upgrade request must not have a body');
  }
  const tokens = listOf(fields, 'upgrade');
  const unknown = tokens.find((token) => !upgradeTokens.has(token));
  if (tokens.length === 0 || !listOf(fields, 'connection').includes('upgrade')) {
    throw badRequest('unable to upgrade: Connection must list upgrade, and Upgrade name a protocol');
  }
  if (unknown !== undefined) {
    throw badRequest(`unable to upgrade: the protocol ${JSON.stringify(unknown)} is not proxied`);
  }
}

function checkOrigin(
  req: IncomingMessage,
  { allowedHosts }: ProxySettings,
  allowedOrigins: ProxySettings['allowedOrigins'],
): void {
  if ((req.headersDistinct.host ?? []).length > 1) throw badRequest('the request has more than one Host');
  const refusal = originRefusal(req, { allowedOrigins, ...(allowedHosts === undefined ? {} : { allowedHosts }) });
  if (refusal !== undefined) throw new RefusedError(refusal);
}

async function authorize(req: IncomingMessage, settings: ProxySettings): Promise<void> {
  const refusal = await settings.authorize?.(req);
  if (refusal !== undefined) throw new RefusedError(refusal);
}
