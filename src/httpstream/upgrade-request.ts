import type { IncomingMessage } from 'node:http';

/** The values of a header as Node gives them: absent, one string, or several. */
export function headerValues(req: Pick<IncomingMessage, 'headersDistinct'>, name: string): readonly string[] {
  return req.headersDistinct[name.toLowerCase()] ?? [];
}

/**
 * Whether the request asks for an upgrade: any `Connection` value contains `upgrade`, without regard to case
 * (apimachinery `httpstream.IsUpgradeRequest`).
 */
export function isUpgradeRequest(req: Pick<IncomingMessage, 'headersDistinct'>): boolean {
  return headerValues(req, 'connection').some((value) => value.toLowerCase().includes('upgrade'));
}

/**
 * Whether the request has a body, or says so. One that upgrades must not: its bytes would be taken for the new protocol's,
 * or a second request hidden in them would pass whoever checked the first.
 */
export function hasBody(req: Pick<IncomingMessage, 'headersDistinct'>): boolean {
  const lengths = headerValues(req, 'content-length');
  return headerValues(req, 'transfer-encoding').length > 0 || lengths.some((length) => length.trim() !== '0');
}
