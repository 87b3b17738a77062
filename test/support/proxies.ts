// Small proxies on loopback, written without the code under test.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** Where a proxy connects to, whatever it is asked for; so names and addresses in tests need not exist. */
export interface Destination {
  readonly port: number;
}

/** A listening proxy and what it saw. */
export interface TestProxy {
  readonly port: number;
  /** Heads of CONNECT requests, or the bytes of SOCKS requests in hexadecimal, in order. */
  readonly requests: string[];
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Duplex>;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
}

/** Serves each connection by `onSocket`, over TLS if there are settings for it. Goes away with the test. */
export async function startProxy(
  t: TestContext,
  onSocket: (socket: Duplex, requests: string[]) => void,
  tls?: TlsOptions,
): Promise<TestProxy> {
  const requests: string[] = [];
  const sockets = new Set<Duplex>();
  const waiting = new Set<() => void>();
  const serve = (socket: Duplex): void => {
    socket.on('error', () => {});
    onSocket(socket, requests);
  };
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const look of waiting) look();
    });
  };
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.on('connection', track);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sockets,
    idle: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve();
        else waiting.add(resolve);
      }),
  };
}

/** Carries bytes both ways, and the end of both with either. */
export function splice(left: Duplex, right: Duplex): void {
  left.pipe(right).pipe(left);
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

/** Calls back with the first bytes for which `length` gives a number, cut there; what follows goes back. */
export function readUntil(
  socket: Duplex,
  length: (bytes: Buffer) => number | undefined,
  done: (bytes: Buffer) => void,
): void {
  let held = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const end = length(held);
    if (end === undefined || held.length < end) return;
    socket.off('data', onData);
    socket.pause();
    if (held.length > end) socket.unshift(held.subarray(end));
    done(held.subarray(0, end));
  };
  socket.on('data', onData);
  socket.resume();
}

/** The length of an HTTP header, once it is complete. */
export function headerLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  return end === -1 ? undefined : end + 4;
}

/** How a {@link httpProxy} answers; `credentials` as `user:password`. */
export interface HttpProxyOptions {
  readonly tls?: TlsOptions;
  readonly credentials?: string;
  /** Instead of the 200. */
  readonly answer?: string;
}

const OK = 'HTTP/1.1 200 Connection established\r\n\r\n';
const UNAUTHORIZED =
  'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\nContent-Length: 12\r\n\r\nwho are you?';

/** An HTTP proxy that knows CONNECT. */
export function httpProxy(t: TestContext, to: Destination, options: HttpProxyOptions = {}): Promise<TestProxy> {
  const { answer = OK, credentials, tls } = options;
  const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const onSocket = (socket: Duplex, requests: string[]): void => {
    readUntil(socket, headerLength, (head) => {
      const text = head.toString();
      requests.push(text);
      const given = /^proxy-authorization: (.*)\r$/im.exec(text)?.[1];
      if (expected !== undefined && given !== expected) return void socket.end(UNAUTHORIZED);
      const upstream = connect(to.port, '127.0.0.1', () => {
        socket.write(answer);
        splice(socket, upstream);
      });
      upstream.on('error', () => socket.destroy());
    });
  };
  return startProxy(t, onSocket, tls);
}

/** How a {@link socksProxy} answers. */
export interface SocksProxyOptions {
  readonly credentials?: string;
  /** Instead of success with an IPv4 address. */
  readonly reply?: Buffer;
}

const SUCCESS = Buffer.from('05000001000000000000', 'hex');

/** A SOCKS5 proxy (RFC 1928, RFC 1929). */
export function socksProxy(t: TestContext, to: Destination, options: SocksProxyOptions = {}): Promise<TestProxy> {
  const { credentials, reply = SUCCESS } = options;
  return startProxy(t, (socket, requests) => {
    const onRequest = (): void =>
      readUntil(socket, requestLength, (request) => {
        requests.push(request.toString('hex'));
        if (reply[1] !== 0) return void socket.end(reply);
        const upstream = connect(to.port, '127.0.0.1', () => {
          socket.write(reply);
          splice(socket, upstream);
        });
        upstream.on('error', () => socket.destroy());
      });
    const onPassword = (): void =>
      readUntil(socket, passwordLength, (bytes) => {
        const user = bytes.toString('utf8', 2, 2 + bytes.readUInt8(1));
        const password = bytes.toString('utf8', 3 + bytes.readUInt8(1));
        if (`${user}:${password}` !== credentials) return void socket.end(Buffer.of(1, 1));
        socket.write(Buffer.of(1, 0));
        onRequest();
      });
    readUntil(socket, greetingLength, (greeting) => {
      const method = credentials === undefined ? 0 : 2;
      if (!greeting.subarray(2).includes(method)) return void socket.end(Buffer.of(5, 0xff));
      socket.write(Buffer.of(5, method));
      if (method === 0) onRequest();
      else onPassword();
    });
  });
}

function greetingLength(bytes: Buffer): number | undefined {
  return bytes.length < 2 ? undefined : 2 + bytes.readUInt8(1);
}

function passwordLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const user = bytes.readUInt8(1);
  return bytes.length < 3 + user ? undefined : 3 + user + bytes.readUInt8(2 + user);
}

function requestLength(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const type = bytes.readUInt8(3);
  return 6 + (type === 1 ? 4 : type === 4 ? 16 : 1 + bytes.readUInt8(4));
}
