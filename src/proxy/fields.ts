import type { IncomingMessage } from 'node:http';
import type { StreamHeaders } from '../httpstream/index.js';
import type { ProxySettings } from './options.js';
import { badRequest } from './refusal.js';
import { isHost, type Field } from './request-text.js';

/** What concerns one connection only (RFC 9110, 7.6.1), with the names that older software has for it. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What `removeCORSHeaders` of the original takes out: whom a backend trusts says nothing about the proxy's origin. */
const CORS: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
]);

/** The name/value list of Node as pairs. */
export function fieldsOf(rawHeaders: readonly string[]): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) fields.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return fields;
}

/** All values of a field, in order. */
export function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** The elements of a field that is a list, in lower case. */
export function listOf(fields: readonly Field[], name: string): readonly string[] {
  return valuesOf(fields, name)
    .flatMap((value) => value.split(','))
    .map((value) => value.trim().toLowerCase())
    .filter((value) => value !== '');
}

/** Values by name, under the spelling that came first. */
export function grouped(fields: readonly Field[]): Iterable<readonly [name: string, values: string | string[]]> {
  const found = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const [name, value] of fields) {
    const entry = found.get(name.toLowerCase());
    if (entry === undefined) found.set(name.toLowerCase(), { name, values: [value] });
    else entry.values.push(value);
  }
  return [...found.values()].map(({ name, values }) => [name, values.length === 1 ? (values[0] ?? '') : values]);
}

/** Without the fields that concern one connection only, and those that Connection names. */
export function endToEnd(fields: readonly Field[]): Field[] {
  const named = new Set(listOf(fields, 'connection'));
  return fields.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()) && !named.has(name.toLowerCase()));
}

/** The fields of a backend's answer that go to the caller. */
export function responseFields(fields: readonly Field[]): Field[] {
  return endToEnd(fields).filter(([name]) => !CORS.has(name.toLowerCase()));
}

/**
 * The fields of a request that go to the backend: the end-to-end ones, X-Forwarded-For with the caller's address at its
 * end, the Host that is meant, and the proxy's own.
 *
 * @throws RefusedError (400) for more than one Host.
 */
export async function requestFields(
  req: IncomingMessage,
  url: URL,
  settings: ProxySettings,
  without: (name: string) => boolean = () => false,
): Promise<Field[]> {
  const all = fieldsOf(req.rawHeaders);
  const [host = '', ...others] = valuesOf(all, 'host');
  if (others.length > 0) throw badRequest('the request has more than one Host');
  if (!isHost(host)) throw badRequest('the Host of the request is malformed');
  const own: StreamHeaders = await settings.headers(req);
  const forwarded = endToEnd(all).filter(([name]) => {
    const key = name.toLowerCase();
    const replaced = key === 'host' || key === 'expect' || key === 'x-forwarded-for' || own.has(key);
    return !replaced && !settings.removeHeaders.has(key) && !without(key);
  });
  const named = new Set(listOf(all, 'connection'));
  const before = named.has('x-forwarded-for') ? [] : valuesOf(all, 'x-forwarded-for');
  const chain = [...before, callerAddress(req)].filter((value) => value !== '');
  const fields: Field[] = [];
  if (!own.has('host')) fields.push(['Host', settings.useLocationHost || host === '' ? url.host : host]);
  fields.push(...forwarded);
  if (chain.length > 0 && !own.has('x-forwarded-for')) fields.push(['X-Forwarded-For', chain.join(', ')]);
  fields.push(...own);
  return fields;
}

/** A socket that listens on IPv6 too shows IPv4 addresses in IPv6 form. */
function callerAddress(req: IncomingMessage): string {
  return (req.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
