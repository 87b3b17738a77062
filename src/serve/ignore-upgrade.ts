import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** What has to do with the upgrade alone (RFC 9110, 7.8; RFC 7540, 3.2.1). */
const LEFT_OUT: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);
/** What a parser can have taken from the wire, and can be written as it was. */
const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Whether a request wants a WebSocket, among others perhaps. */
export function wantsWebSocket(req: IncomingMessage): boolean {
  return (req.headers.upgrade ?? '').split(',').some((token) => token.trim().toLowerCase() === 'websocket');
}

/**
 * Serves a request as if it had asked for no upgrade, as servers do with those that they do not know: Java's HTTP client asks
 * for h2c with every request. Node has no way to do so once it has parsed the head; so the parser is given the request again,
 * byte for byte but for the fields of the upgrade.
 *
 * @returns `false`, and nothing is done, for a request that could not be written as it came.
 */
export function ignoreUpgrade(server: Server, req: IncomingMessage, socket: Duplex, head: Buffer): boolean {
  const { method = '', url = '', httpVersion, rawHeaders } = req;
  if (!TARGET.test(url) || !rawHeaders.every((text) => TEXT.test(text))) return false;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    const lowerCase = name.toLowerCase();
    if (LEFT_OUT.has(lowerCase)) continue;
    text += `${name}: ${lowerCase === 'connection' ? withoutUpgrade(value) : value}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
  return true;
}

function withoutUpgrade(value: string): string {
  return value
    .split(',')
    .map((token) => token.trim())
    .filter((token) => !LEFT_OUT.has(token.toLowerCase()))
    .join(', ');
}
