// Compiled by `npm run check:types` and never run: what the public types promise. `@ts-expect-error` fails when the line
// below it compiles.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import {
  ConnectionLostError,
  DEFAULT_LIMITS,
  ProxyError,
  StreamResetError,
  TrunklineError,
  anyResponseUpgrader,
  dialFirst,
  noOpNewStreamHandler,
  pipeStreams,
  proxyFromEnvironment,
  type CloseReason,
  type Clock,
  type Connection,
  type IncomingStream,
  type Limits,
  type NewStreamHandler,
  type ResetReason,
  type ProxyOption,
  type ResponseUpgrader,
  type Stream,
  type UpgradeRequest,
  type UpgradeRoundTripper,
} from '../../src/index.js';
import {
  EventSource,
  SSEClient,
  WANT_ERRORS,
  WANT_MESSAGES,
  encodeEvent,
  sinkEvents,
  sinkJSONEvents,
  type SSEEvent,
  type SinkEnd,
} from '../../src/sse/index.js';
import {
  portForward,
  portForwardHandler,
  type ForwardedConnection,
  type PortForwardEnd,
  type PortForwardHandler,
  type PortForwardTransport,
} from '../../src/portforward/index.js';
import {
  UpgradeAwareProxy,
  denyPrivateAddresses,
  isTunnelRequest,
  streamTranslator,
  streamTunnel,
  type UpgradeAwareProxyOptions,
  type UpgradeHandler,
} from '../../src/proxy/index.js';
import { copyFrom, copyStreamFrom, copyStreamTo, copyTo, type CopyResult } from '../../src/remotecommand/index.js';
import {
  SpdyResponseUpgrader,
  SpdyRoundTripper,
  newSpdyClientConnection,
  newSpdyServerConnection,
} from '../../src/spdy/index.js';
import * as page from '../../src/browser/index.js';
import {
  WebSocketResponseUpgrader,
  WebSocketRoundTripper,
  acceptWebSocketDuplex,
  connectWebSocket,
  dialWebSocketDuplex,
  webSocketDuplex,
  type EngineSubprotocol,
  type NodeWebSocket,
} from '../../src/websocket/index.js';
import {
  YamuxResponseUpgrader,
  YamuxRoundTripper,
  newYamuxClientConnection,
  newYamuxServerConnection,
} from '../../src/yamux/index.js';
import { VirtualClock, connectionCompliance, duplexPair, type ComplianceFactory } from '../../src/testing/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<A>(): <B>(value: B, equal: Equal<A, B>) => void {
  return () => {};
}

export async function connectionTypes(connection: Connection, incoming: IncomingStream): Promise<void> {
  const stream = await connection.createStream({ streamType: 'data', many: ['a', 'b'], none: undefined });
  expectType<Stream>()(stream, true);
  const duplex: Duplex = stream;
  duplex.destroy();
  expectType<Promise<void>>()(stream.accepted, true);
  expectType<Promise<CloseReason>>()(connection.closed, true);
  expectType<ReadonlyMap<number, Stream>>()(connection.streams, true);
  expectType<number>()(await connection.ping({ signal: AbortSignal.timeout(1) }), true);
  expectType<string | undefined>()(stream.headers.get('x'), true);
  connection.openStream([['a', 'b']]).reset('cancel');
  connection.openStream(stream.headers);
  connection.removeStreams(undefined, stream, incoming);
  await using closing = connection;
  closing.setIdleTimeout(1000);

  incoming.deferReply();
  incoming.accept();
  incoming.refuse('refused');
  // @ts-expect-error a stream that this side opened cannot be accepted
  stream.accept();
  // @ts-expect-error reasons are a closed set
  stream.reset('because');
  // @ts-expect-error header values are text
  connection.openStream({ port: 80 });
  // @ts-expect-error the streams belong to the connection
  connection.streams.clear();
  // @ts-expect-error ids do not change
  stream.id = 1;
}

export const handlers: NewStreamHandler[] = [
  noOpNewStreamHandler,
  () => {},
  async (stream) => {
    for await (const chunk of stream) void chunk;
  },
  (stream, replySent) => {
    expectType<IncomingStream>()(stream, true);
    expectType<Promise<void>>()(replySent, true);
  },
];

export function engineTypes(socket: Duplex, clock: Clock, factory: ComplianceFactory): void {
  const options = {
    limits: { maxStreams: 1 },
    clock,
    stallPolicy: { resetAfter: 1 },
    idleTimeout: 1,
    compressionLevel: 9,
  };
  expectType<Connection>()(newSpdyServerConnection(socket, noOpNewStreamHandler, options), true);
  expectType<Connection>()(
    newSpdyClientConnection(socket, { ...options, newStreamHandler: noOpNewStreamHandler }),
    true,
  );
  const upgrader: ResponseUpgrader = new SpdyResponseUpgrader(options);
  const roundTripper: UpgradeRoundTripper = new SpdyRoundTripper(options);
  void [upgrader, roundTripper, duplexPair({ clock: new VirtualClock() })];
  connectionCompliance('name', factory, { volume: 1 });
  // @ts-expect-error unknown limit
  newSpdyClientConnection(socket, { limits: { maxStream: 1 } });
  // @ts-expect-error a server needs a handler
  newSpdyServerConnection(socket);
  // @ts-expect-error defaults cannot be changed
  DEFAULT_LIMITS.maxStreams = 1;
}

export function errorTypes(error: unknown, limits: Limits): string {
  expectType<number>()(limits.maxStreams, true);
  if (error instanceof StreamResetError) {
    expectType<ResetReason>()(error.reason, true);
    const code: 'ERR_STREAM_RESET' = error.code;
    return code;
  }
  if (error instanceof ConnectionLostError) expectType<'local' | 'remote' | undefined>()(error.initiator, true);
  // @ts-expect-error the base class is abstract
  const made = new TrunklineError('x');
  return String(made);
}

export async function negotiationTypes(socket: Duplex, request: UpgradeRequest): Promise<void> {
  const options = { headers: false, idleTimeout: 1, limits: { maxStreamWindowBytes: 1 << 20 } };
  expectType<Connection>()(newYamuxServerConnection(socket, noOpNewStreamHandler, options), true);
  expectType<Connection>()(newYamuxClientConnection(socket, options), true);
  const protocols: EngineSubprotocol[] = ['yamux-headers.v1', 'spdy.3.1', 'yamux'];
  const all: ResponseUpgrader = anyResponseUpgrader(
    new YamuxResponseUpgrader({ headers: true }),
    new WebSocketResponseUpgrader({ protocols, allowedOrigins: 'any', verify: () => ({ code: 403, message: 'no' }) }),
    new SpdyResponseUpgrader(),
  );
  const trippers: UpgradeRoundTripper[] = [new YamuxRoundTripper(), new WebSocketRoundTripper({ protocols })];
  expectType<{ connection: Connection; protocol: string }>()(await dialFirst(trippers, request), true);
  expectType<Promise<void>>()(pipeStreams(socket, socket), true);
  void all;
  // @ts-expect-error a list of upgraders is no upgrader
  anyResponseUpgrader([all]);
  // @ts-expect-error round trippers come in a list
  void dialFirst(new YamuxRoundTripper(), request);
  // @ts-expect-error an engine that does not exist
  void new WebSocketRoundTripper({ protocols: ['http/2'] });
  // @ts-expect-error yamux has a window for each stream: nothing stalls
  void new YamuxResponseUpgrader({ stallPolicy: 'pause' });
  // @ts-expect-error misspelt
  void new YamuxRoundTripper({ header: false });
}

export async function byteStreamTypes(
  webSocket: NodeWebSocket,
  req: IncomingMessage,
  socket: Duplex,
): Promise<readonly Duplex[]> {
  const head = Buffer.alloc(0);
  const accepted = await acceptWebSocketDuplex(req, socket, head, { protocols: ['SPDY/3.1+portforward.k8s.io'] });
  const dialled = await dialWebSocketDuplex({ url: 'wss://host/' }, { protocols: ['a'] });
  expectType<string>()(accepted.protocol, true);
  // @ts-expect-error subprotocols have to be named
  void dialWebSocketDuplex({ url: 'wss://host/' }, {});
  // @ts-expect-error the method of a WebSocket request is GET
  void dialWebSocketDuplex({ url: 'wss://host/', method: 'POST' }, { protocols: ['a'] });
  return [webSocketDuplex(webSocket, { role: 'client' }), accepted.duplex, dialled.duplex];
}

export async function browserTypes(): Promise<void> {
  const connection: page.BrowserConnection = await connectWebSocket('/streams', {
    newStreamHandler: (stream) => stream.refuse('refused', 'not here'),
  });
  const { accepted, readable, writable } = await connection.createStream({ name: 'a', many: ['b', 'c'] });
  expectType<Promise<void>>()(accepted, true);
  await writable.getWriter().write(new Uint8Array(1));
  for await (const chunk of readable) expectType<number>()(chunk.byteLength, true);
  expectType<typeof connectWebSocket>()(page.connectWebSocket, true);
  // @ts-expect-error bytes, not text
  await writable.getWriter().write('text');
}

export const proxies: ProxyOption[] = [
  'http://user:pass@proxy:3128',
  new URL('socks5://proxy'),
  proxyFromEnvironment(),
  (url) => (url.hostname === 'inside' ? undefined : 'https://proxy'),
];

export async function portForwardTypes(target: { server: string; pod: string }): Promise<void> {
  const handler: PortForwardHandler = portForwardHandler(
    ({ port, request, signal }) => {
      expectType<number>()(port, true);
      return connect({ port, host: request.headers.host ?? '', signal });
    },
    { ports: [80], transports: ['tunnel', 'spdy'], allowedOrigins: 'any', errorText: 'always' },
  );
  createServer().on('upgrade', handler);
  await using forward = await portForward(() => target, ['8888:80', 443, { local: 0, remote: 5432 }, ':81'], {
    reconnect: { maxAttempts: 3, meanwhile: 'refuse' },
    onConnection: (connection) => expectType<ForwardedConnection>()(connection, true),
    onConnectionError: (error) => expectType<Error>()(error, true),
  });
  for (const { address, localPort, remotePort } of forward.ports) {
    expectType<string>()(address, true);
    expectType<number[]>()([localPort, remotePort], true);
  }
  expectType<PortForwardTransport>()(forward.transport, true);
  expectType<PortForwardEnd>()(await forward.closed, true);
  // @ts-expect-error ports are needed
  await portForward(target);
  // @ts-expect-error misspelt
  await portForward(target, ':80', { reconect: true });
  // @ts-expect-error a number or its name, not a list of lists
  await portForward(target, [[80, 81]]);
  // @ts-expect-error an allow list of numbers
  portForwardHandler(() => connect(1), { ports: ['80'] });
}

export function proxyTypes(): readonly UpgradeHandler[] {
  const options: UpgradeAwareProxyOptions = {
    target: (req) => (isTunnelRequest(req) ? new URL('https://10.0.0.1') : undefined),
    authorize: async () => await Promise.resolve({ code: 403, message: 'no' }),
    checkAddress: denyPrivateAddresses,
    headers: () => ({ authorization: 'Bearer x' }),
    proxy: proxyFromEnvironment(),
  };
  const proxy = new UpgradeAwareProxy(options);
  createServer(proxy.handleRequest).on('upgrade', proxy.handleUpgrade);
  // @ts-expect-error a proxy needs a target
  void new UpgradeAwareProxy({});
  // @ts-expect-error misspelt
  streamTunnel({ target: 'http://a', authorise: () => undefined });
  return [streamTranslator(options), streamTunnel(options), proxy.handleUpgrade];
}

export async function copyTypes(target: { server: string; pod: string }, source: Readable): Promise<void> {
  expectType<CopyResult>()(await copyTo(target, 'a', '/b', { atomic: true, onProgress: ({ bytes }) => bytes }), true);
  expectType<CopyResult>()(await copyFrom(target, '/b', 'a', { followLinks: true }), true);
  expectType<Readable>()(copyStreamFrom(target, '/b'), true);
  await copyStreamTo(target, source, '/b', { size: 1 });
  // @ts-expect-error tar says the size first
  await copyStreamTo(target, source, '/b');
}

export function proxyErrorTypes(error: unknown): number | undefined {
  return error instanceof ProxyError ? (error.statusCode ?? error.replyCode) : undefined;
}

export async function sseTypes(response: ServerResponse, signal: AbortSignal): Promise<string> {
  const source = new EventSource('http://a', { headers: () => ({ authorization: 'x' }), backoff: false, signal });
  source.addEventListener('message', ({ data, lastEventId, origin }) =>
    expectType<string>()(data + lastEventId + origin, true),
  );
  source.addEventListener('anything', ({ data }) => expectType<string>()(data, true));
  source.addEventListener('error', ({ error }) => expectType<TrunklineError>()(error, true));
  expectType<0 | 1 | 2>()(source.readyState, true);
  // @ts-expect-error misspelt
  void new EventSource('http://a', { idleTimout: 1 });
  // @ts-expect-error a URL is needed
  void new EventSource();
  const client = new SSEClient({ want: WANT_ERRORS | WANT_MESSAGES });
  for await (const event of client.messages) expectType<SSEEvent>()(event, true);
  for await (const error of client.errors) expectType<TrunklineError>()(error, true);
  for await (const open of client.opens) expectType<boolean>()(open, true);
  expectType<SinkEnd>()(await sinkEvents(response, 200, ['a', { id: '1', data: 'b' }]), true);
  await sinkEvents(response, 200, async function* feed(gone) {
    expectType<AbortSignal>()(gone, true);
    yield await Promise.resolve('a');
  });
  await sinkJSONEvents(response, 200, [{ anything: true }, null]);
  // @ts-expect-error no data, no text
  await sinkEvents(response, 200, [1]);
  // @ts-expect-error misspelt
  encodeEvent({ dat: 'x' });
  return encodeEvent({ retry: 1 });
}
