import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { InvalidArgumentError, ProxyError } from '../../errors/index.js';
import type { Endpoint } from '../socket.js';
import type { ProxyAddress } from './address.js';
import { readAnswer, type Parser } from './read-answer.js';

const VERSION = 5;
const PASSWORD_VERSION = 1;
const METHOD = { none: 0, password: 2, unacceptable: 0xff } as const;
const CONNECT = 1;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
const MOST_NAME_BYTES = 255;
/** RFC 1928, 6. */
const REPLIES: readonly string[] = [
  'succeeded',
  'general SOCKS server failure',
  'connection not allowed by ruleset',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

/**
 * Asks a SOCKS5 proxy for a connection to the target (RFC 1928; with credentials RFC 1929). A name is left to the proxy to
 * resolve. What follows the reply belongs to the tunnel and stays in the socket.
 *
 * @throws ProxyError, with the reply code when the proxy refused; InvalidArgumentError for a name of more than 255 bytes.
 */
export async function requestSocksTunnel(socket: Duplex, proxy: ProxyAddress, target: Endpoint): Promise<void> {
  const fail = (what: string, replyCode?: number): ProxyError =>
    new ProxyError(`the proxy ${proxy.name} ${what}`, {
      initiator: 'remote',
      ...(replyCode === undefined ? {} : { replyCode }),
    });
  const request = connectRequest(target);
  const { credentials } = proxy;
  const methods = credentials === undefined ? [METHOD.none] : [METHOD.none, METHOD.password];
  socket.write(Buffer.of(VERSION, methods.length, ...methods));
  const [version, method] = await readAnswer(socket, twoBytes);
  if (version !== VERSION) throw fail('does not speak SOCKS5');
  if (method === METHOD.password && credentials !== undefined) {
    socket.write(passwordRequest(credentials));
    const [passwordVersion, status] = await readAnswer(socket, twoBytes);
    if (passwordVersion !== PASSWORD_VERSION) throw fail('broke the rules of SOCKS5 authentication');
    if (status !== 0) throw fail('refused the credentials');
  } else if (method === METHOD.unacceptable) {
    throw fail(credentials === undefined ? 'wants credentials' : 'accepts neither credentials nor none');
  } else if (method !== METHOD.none) {
    throw fail('chose a way of authentication that was not offered');
  }
  socket.write(request);
  const code = await readAnswer(socket, replyParser(fail));
  if (code === 0) return;
  const text = REPLIES[code] ?? `reply ${code}`;
  throw fail(`refused a connection to ${target.host} port ${target.port}: ${text}`, code);
}

const twoBytes: Parser<readonly [number, number]> = (bytes) =>
  bytes.length < 2 ? undefined : { value: [bytes.readUInt8(0), bytes.readUInt8(1)], length: 2 };

/** A refusal is one at its second byte, whatever follows or does not. */
function replyParser(fail: (what: string) => ProxyError): Parser<number> {
  return (bytes) => {
    const [version, code, , type, first] = bytes;
    if (version !== VERSION) throw fail('does not speak SOCKS5');
    if (code === undefined) return undefined;
    if (code !== 0) return { value: code, length: 2 };
    if (type === undefined) return undefined;
    const address = addressLength(type, first);
    if (address === undefined) {
      if (type === ADDRESS.name) return undefined;
      throw fail('replied with an address of an unknown type');
    }
    const length = 4 + address + 2;
    return bytes.length < length ? undefined : { value: code, length };
  };
}

function addressLength(type: number, first: number | undefined): number | undefined {
  if (type === ADDRESS.ipv4) return 4;
  if (type === ADDRESS.ipv6) return 16;
  return type === ADDRESS.name && first !== undefined ? 1 + first : undefined;
}

function connectRequest({ host, port }: Endpoint): Buffer {
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  return Buffer.concat([Buffer.of(VERSION, CONNECT, 0), addressBytes(host), portBytes]);
}

function addressBytes(host: string): Buffer {
  const family = isIP(host);
  if (family === 4) return Buffer.of(ADDRESS.ipv4, ...host.split('.').map(Number));
  if (family === 6) return Buffer.concat([Buffer.of(ADDRESS.ipv6), ipv6Bytes(host)]);
  const name = Buffer.from(host);
  if (name.length > MOST_NAME_BYTES) {
    throw new InvalidArgumentError(`a name for a SOCKS proxy has at most ${MOST_NAME_BYTES} bytes`);
  }
  return Buffer.concat([Buffer.of(ADDRESS.name, name.length), name]);
}

/** Reads what the URL standard writes: hexadecimal groups, at most one run of zeros left out. */
function ipv6Bytes(host: string): Buffer {
  const [head = '', tail = ''] = host.split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail);
  const bytes = Buffer.alloc(16);
  left.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  right.forEach((group, index) => bytes.writeUInt16BE(group, (8 - right.length + index) * 2));
  return bytes;
}

function groupsOf(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}

function passwordRequest({ username, password }: NonNullable<ProxyAddress['credentials']>): Buffer {
  const parts = [username, password].map((text) => Buffer.from(text));
  return Buffer.concat([Buffer.of(PASSWORD_VERSION), ...parts.flatMap((part) => [Buffer.of(part.length), part])]);
}
