import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { InvalidArgumentError } from '../../../src/errors/index.js';
import {
  HEADER_PROTOCOL_VERSION,
  HandshakeError,
  UpgradeFailureError,
  anyResponseUpgrader,
  dialFirst,
  handshake,
  refuseUpgrade,
  type Connection,
  type NewStreamHandler,
  type ResponseUpgrader,
  type UpgradeRequest,
} from '../../../src/httpstream/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../../src/spdy/index.js';
import {
  ENGINE_SUBPROTOCOLS,
  WebSocketResponseUpgrader,
  WebSocketRoundTripper,
  type EngineSubprotocol,
} from '../../../src/websocket/index.js';

const echo: NewStreamHandler = (stream) => void stream.pipe(stream);

type OnUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer) => Connection | undefined;

interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly connections: readonly Connection[];
  /** What the upgrader did, one entry per request. */
  readonly answers: readonly (Connection | undefined)[];
}

async function serve(t: TestContext, onUpgrade: OnUpgrade): Promise<TestServer> {
  const answers: (Connection | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', (req, socket, head) => answers.push(onUpgrade(req, socket, head)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    answers,
    get connections() {
      return answers.filter((one) => one !== undefined);
    },
  };
}

function upgradeWith(upgrader: ResponseUpgrader, handler: NewStreamHandler = echo): OnUpgrade {
  return (req, socket, head) => upgrader.upgradeResponse(req, socket, head, handler);
}

async function echoes(connection: Connection, text: string): Promise<void> {
  const stream = await connection.createStream({});
  stream.end(text);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), text);
}

describe('an engine inside a WebSocket', () => {
  for (const protocol of ENGINE_SUBPROTOCOLS) {
    it(`${protocol}: streams of both sides, and an orderly end`, async (t) => {
      const server = await serve(t, upgradeWith(new WebSocketResponseUpgrader()));
      const tripper = new WebSocketRoundTripper({ protocols: [protocol], newStreamHandler: echo });
      const { connection } = await tripper.dial({ url: server.url });
      const far = server.connections[0];
      assert.ok(far !== undefined);
      await echoes(connection, 'from the client');
      await echoes(far, 'from the server');
      await connection.close();
      assert.equal((await connection.closed).kind, 'closed');
      assert.notEqual((await far.closed).kind, 'protocol-error');
    });
  }

  it('the order of the client decides', async (t) => {
    const upgrader = new WebSocketResponseUpgrader();
    const { url } = await serve(t, upgradeWith(upgrader));
    for (const [offered, chosen] of [
      [undefined, 'yamux-headers.v1'],
      [['spdy.3.1', 'yamux-headers.v1'], 'spdy.3.1'],
      [['yamux', 'spdy.3.1'], 'yamux'],
    ] as const) {
      const tripper = new WebSocketRoundTripper(offered === undefined ? {} : { protocols: offered });
      const response = await tripper.roundTrip({ url });
      assert.equal(response.headers['sec-websocket-protocol'], chosen);
      tripper.newConnection(response).close();
    }
  });

  it('a server that has only some engines takes the first of the client that it has', async (t) => {
    const { url } = await serve(t, upgradeWith(new WebSocketResponseUpgrader({ protocols: ['spdy.3.1'] })));
    const response = await new WebSocketRoundTripper().roundTrip({ url });
    assert.equal(response.headers['sec-websocket-protocol'], 'spdy.3.1');
    response.socket?.destroy();
  });

  it('streams of SPDY and of yamux with headers carry headers', async (t) => {
    for (const protocol of ['spdy.3.1', 'yamux-headers.v1'] as const) {
      const seen: (string | undefined)[] = [];
      const upgrader = new WebSocketResponseUpgrader();
      const handler: NewStreamHandler = (stream) => {
        seen.push(stream.headers.get('x-kind'));
        stream.end();
      };
      const { url } = await serve(t, upgradeWith(upgrader, handler));
      const { connection } = await new WebSocketRoundTripper({ protocols: [protocol] }).dial({ url });
      await connection.createStream({ 'X-Kind': protocol });
      assert.deepEqual(seen, [protocol]);
      await connection.close();
    }
  });

  it('the stream protocol is negotiated by X-Stream-Protocol-Version', async (t) => {
    const upgrader = new WebSocketResponseUpgrader();
    const { url } = await serve(t, (req, socket, head) => {
      try {
        const protocol = handshake(req, ['v4', 'v3']);
        return upgrader.upgradeResponse(req, socket, head, echo, { [HEADER_PROTOCOL_VERSION]: protocol });
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        refuseUpgrade(socket, error.statusCode, error.message, { headers: error.headers });
        return undefined;
      }
    });
    const tripper = new WebSocketRoundTripper();
    const { connection, protocol } = await tripper.dial({ url, protocols: ['v5', 'v3'] });
    assert.equal(protocol, 'v3');
    await connection.close();
    const refused = await tripper.roundTrip({ url, protocols: ['v9'] });
    assert.equal(refused.statusCode, 403);
    assert.equal(refused.headers['x-accepted-stream-protocol-versions'], 'v4, v3');
    assert.throws(
      () => tripper.newConnection(refused),
      (error) => error instanceof UpgradeFailureError && error.statusCode === 403 && /v9/.test(error.message),
    );
  });

  it('one path serves SPDY, SPDY inside a WebSocket, and yamux inside one', async (t) => {
    const upgrader = anyResponseUpgrader(new WebSocketResponseUpgrader(), new SpdyResponseUpgrader());
    const { url } = await serve(t, upgradeWith(upgrader));
    for (const tripper of [
      new SpdyRoundTripper(),
      new WebSocketRoundTripper(),
      new WebSocketRoundTripper({ protocols: ['spdy.3.1'] }),
    ]) {
      const { connection } = await tripper.dial({ url });
      await echoes(connection, 'hello');
      await connection.close();
    }
  });

  it('a client falls back when the server knows no WebSockets', async (t) => {
    const { url } = await serve(t, upgradeWith(new SpdyResponseUpgrader()));
    const { connection } = await dialFirst([new WebSocketRoundTripper(), new SpdyRoundTripper()], { url });
    await echoes(connection, 'hello');
    await connection.close();
  });
});

describe('accepts', () => {
  const upgrader = new WebSocketResponseUpgrader();
  const request = (headers: Record<string, string>): IncomingMessage => {
    const entries = Object.entries(headers).map(([name, value]) => [name, [value]]);
    return { headersDistinct: Object.fromEntries(entries) } as IncomingMessage;
  };

  it('only WebSocket requests with one of its engines', () => {
    const webSocket = { upgrade: 'websocket', connection: 'Upgrade' };
    assert.ok(upgrader.accepts(request({ ...webSocket, 'sec-websocket-protocol': 'x, yamux' })));
    assert.ok(!upgrader.accepts(request({ ...webSocket, 'sec-websocket-protocol': 'v5.channel.k8s.io' })));
    assert.ok(!upgrader.accepts(request(webSocket)));
    assert.ok(!upgrader.accepts(request({ upgrade: 'SPDY/3.1', connection: 'Upgrade' })));
  });
});

describe('a refusal', () => {
  it('is answered, and no connection comes of it', async (t) => {
    const upgrader = new WebSocketResponseUpgrader({ verify: () => ({ code: 401, message: 'who are you?' }) });
    const server = await serve(t, upgradeWith(upgrader));
    await assert.rejects(new WebSocketRoundTripper().dial({ url: server.url }), (error) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.equal(error.statusCode, 401);
      assert.match(error.message, /who are you/);
      return true;
    });
    assert.deepEqual(server.answers, [undefined]);
  });

  it('of a check that throws is a 500 that does not show why', async (t) => {
    const upgrader = new WebSocketResponseUpgrader({
      verify: () => {
        throw new Error('secret');
      },
    });
    const server = await serve(t, upgradeWith(upgrader));
    const { body, statusCode } = await new WebSocketRoundTripper().roundTrip({ url: server.url });
    assert.equal(statusCode, 500);
    assert.doesNotMatch(body.toString(), /secret/);
    assert.deepEqual(server.answers, [undefined]);
  });

  it('an ordinary request gets 400 or 405', async (t) => {
    const server = await serve(t, upgradeWith(new WebSocketResponseUpgrader()));
    const tripper = new SpdyRoundTripper();
    for (const [method, status] of [
      ['GET', 400],
      ['POST', 405],
    ] as const) {
      assert.equal((await tripper.roundTrip({ url: server.url, method })).statusCode, status);
    }
  });

  it('a server that agrees to something else is not believed', async (t) => {
    const { url } = await serve(t, (_req, socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      return undefined;
    });
    await assert.rejects(new WebSocketRoundTripper().dial({ url }), UpgradeFailureError);
  });

  it('a lost connection is not one of the client', async () => {
    const request: UpgradeRequest = { url: 'http://127.0.0.1:1/' };
    await assert.rejects(new WebSocketRoundTripper().dial(request), { code: 'ERR_CONNECTION_LOST' });
  });
});

describe('options', () => {
  it('that cannot work are refused at once', () => {
    for (const protocols of [[], ['x'], ['yamux', 'yamux']] as EngineSubprotocol[][]) {
      assert.throws(() => new WebSocketResponseUpgrader({ protocols }), InvalidArgumentError);
      assert.throws(() => new WebSocketRoundTripper({ protocols }), InvalidArgumentError);
    }
    assert.throws(() => new WebSocketRoundTripper({ compressionLevel: 10 }), InvalidArgumentError);
    assert.throws(() => new WebSocketResponseUpgrader({ limits: { maxStreams: 0 } }), InvalidArgumentError);
  });
});

describe('a plain ws client', () => {
  it('gets the engine it asked for', async (t) => {
    const { url } = await serve(t, upgradeWith(new WebSocketResponseUpgrader()));
    const peer = new WebSocket(url.replace('http', 'ws'), ['chat', 'yamux'], { perMessageDeflate: true });
    peer.on('error', () => {});
    t.after(() => peer.terminate());
    await once(peer, 'open');
    assert.equal(peer.protocol, 'yamux');
    assert.equal(peer.extensions, '');
    // A ping of yamux, type 2, SYN; the answer has ACK.
    peer.send(Buffer.of(0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7));
    const [answer] = (await once(peer, 'message')) as [Buffer];
    assert.deepEqual([...answer], [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7]);
  });
});
