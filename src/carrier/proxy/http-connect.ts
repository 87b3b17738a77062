import { STATUS_CODES } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProxyError } from '../../errors/index.js';
import type { Endpoint } from '../socket.js';
import { basicCredentials } from '../url.js';
import type { ProxyAddress } from './address.js';
import { readAnswer, type Parser } from './read-answer.js';

/** The most that an answer's header may have, with the interim answers before it. */
const MOST_HEADER_BYTES = 64 * 1024;
const START = Buffer.from('HTTP/1.');
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\n]*)?\r?\n/;

/**
 * Asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6). What follows the header of a success belongs to the tunnel and stays
 * in the socket.
 *
 * @throws ProxyError with the status when it is none of 200 to 299, and for an answer that is not HTTP. Its text comes from
 * the standard and not from the proxy, which could repeat our credentials.
 */
export async function requestTunnel(socket: Duplex, proxy: ProxyAddress, target: Endpoint): Promise<void> {
  const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const { credentials } = proxy;
  const authorization = credentials === undefined ? '' : `Proxy-Authorization: ${basicCredentials(credentials)}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`);
  const statusCode = await readAnswer(socket, finalStatus(proxy));
  if (statusCode >= 200 && statusCode <= 299) return;
  const text = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trimEnd();
  throw new ProxyError(`the proxy ${proxy.name} refused a tunnel to ${authority}: ${text}`, {
    statusCode,
    initiator: 'remote',
  });
}

/** Reads up to the end of the header of the first answer that is not interim (RFC 9110, 15.2). */
function finalStatus(proxy: ProxyAddress): Parser<number> {
  const broken = (what: string): ProxyError =>
    new ProxyError(`the proxy ${proxy.name} ${what}`, { initiator: 'remote' });
  let start = 0;
  let searched = 0;
  return (bytes) => {
    for (;;) {
      const begun = bytes.subarray(start, start + START.length);
      if (!begun.equals(START.subarray(0, begun.length))) throw broken('did not answer in HTTP/1.1');
      const end = endOfHeader(bytes, searched);
      if ((end ?? bytes.length) > MOST_HEADER_BYTES) {
        throw broken(`answered with a header of more than ${MOST_HEADER_BYTES} bytes`);
      }
      // The end can lie across two reads.
      searched = Math.max(start, bytes.length - 2);
      if (end === undefined) return undefined;
      const status = STATUS_LINE.exec(bytes.toString('latin1', start, end))?.[1];
      if (status === undefined) throw broken('did not answer in HTTP/1.1');
      const code = Number(status);
      if (code >= 200 || code === 101) return { value: code, length: end };
      start = end;
      searched = end;
    }
  };
}

/** The index behind the empty line; a bare LF ends a line too (RFC 9112, 2.2). */
function endOfHeader(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(0x0a, from); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return undefined;
}
