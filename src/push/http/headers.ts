import type { PushRequest } from './types.js';

/**
 * A field of a request, by lower-case name; repeated ones are joined by commas. Reads the raw headers, for asking Node for
 * the parsed ones makes an object that stays for as long as the request, and a stream may stay for days.
 */
export function headerOf(req: PushRequest, name: string): string | undefined {
  const { rawHeaders } = req;
  // Requests that are made up for tests of applications may lack them.
  if (!Array.isArray(rawHeaders)) return parsedHeader(req, name);
  let value: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] ?? '';
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    value = value === undefined ? rawHeaders[i + 1] : `${value}, ${rawHeaders[i + 1]}`;
  }
  return value;
}

function parsedHeader({ headers }: PushRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
