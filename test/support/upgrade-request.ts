import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** A request as Node's HTTP parser makes it, with these headers; a list stands for repeated lines. */
export function upgradeRequest(headers: Readonly<Record<string, string | readonly string[]>>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  request.url = '/';
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : value) request.rawHeaders.push(name, one);
  }
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i, i + 2);
    const key = name.toLowerCase();
    request.headersDistinct[key] = [...(request.headersDistinct[key] ?? []), value];
    request.headers[key] = value;
  }
  return request;
}

/** What kubectl sends with an exec over SPDY. */
export const SPDY_HEADERS: Readonly<Record<string, string>> = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };
