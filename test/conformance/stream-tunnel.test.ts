import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { dialWebSocketDuplex } from '../../src/websocket/index.js';
import type { IncomingStream } from '../../src/httpstream/index.js';
import { portForward, portForwardHandler } from '../../src/portforward/index.js';
import { isTunnelRequest, streamTunnel, type StreamTunnelOptions } from '../../src/proxy/index.js';
import { SpdyResponseUpgrader, newSpdyClientConnection } from '../../src/spdy/index.js';
import { upgradeRequest } from '../support/upgrade-request.js';
import {
  parseResponse,
  rawBackend,
  rawClient,
  serve,
  settle,
  statusMessage,
  until,
  upgradeText,
  type Front,
  type RawBackend,
} from '../support/proxy.js';

// apiserver pkg/util/proxy/streamtunnel_test.go.

const TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const FIELDS = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': TUNNEL,
};
const REQUEST = upgradeText(FIELDS, 'GET /portforward HTTP/1.1');

async function tunnel(t: TestContext, target: string, options: Partial<StreamTunnelOptions> = {}): Promise<Front> {
  return await serve(t, { handleUpgrade: streamTunnel({ target, useRequestLocation: true, ...options }) });
}

/** A tunnel to a backend that answers with these pieces, one after the other. */
async function answered(
  t: TestContext,
  pieces: readonly string[],
  request = REQUEST,
): Promise<{ readonly text: string; readonly backend: RawBackend; readonly proxy: Front; readonly socket: Socket }> {
  const backend = await rawBackend(t, ({ socket }) => {
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece, 'latin1');
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
  });
  const proxy = await tunnel(t, backend.url);
  const client = await rawClient(t, proxy.port, request);
  const text = await client.received('\r\n\r\n');
  return { text, backend, proxy, socket: client.socket };
}

describe('TestTunnelingHandler', () => {
  it('UpgradeStreamingAndTunneling: 1 MiB on a stream, and back', async (t) => {
    const streams: IncomingStream[] = [];
    const upgrader = new SpdyResponseUpgrader();
    let asked: unknown;
    const backend = await serve(t, {
      handleUpgrade: (req, socket, head) => {
        asked = [req.method, req.url, req.headers.upgrade, req.headers['x-stream-protocol-version']];
        assert.deepEqual(
          Object.keys(req.headers).filter((name) => name.startsWith('sec-')),
          [],
        );
        upgrader.upgradeResponse(
          req,
          socket,
          head,
          (stream) => {
            streams.push(stream);
            stream.pipe(stream);
          },
          { 'X-Stream-Protocol-Version': 'portforward.k8s.io' },
        );
      },
    });
    const proxy = await tunnel(t, backend.url);
    const { duplex, protocol } = await dialWebSocketDuplex(
      { url: `${proxy.url}/portforward` },
      { protocols: [TUNNEL] },
    );
    assert.equal(protocol, TUNNEL);
    assert.deepEqual(asked, ['POST', '/portforward', 'SPDY/3.1', 'portforward.k8s.io']);
    const connection = newSpdyClientConnection(duplex);
    const stream = await connection.createStream({ streamType: 'data' });
    const sent = randomBytes(1024 * 1024);
    stream.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.ok(Buffer.concat(chunks).equals(sent));
    assert.equal(streams.length, 1);
    await connection.close();
    await until(() => proxy.sockets.size === 0 && backend.sockets.size === 0);
  });

  it('BadRequestWithoutProtocols', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.end());
    const proxy = await tunnel(t, backend.url);
    const { 'Sec-WebSocket-Protocol': _, ...none } = FIELDS;
    for (const fields of [
      none,
      { ...FIELDS, 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' },
      { ...FIELDS, 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.example.com' },
      { ...FIELDS, 'Sec-WebSocket-Protocol': 'SPDY/3.0+portforward.k8s.io' },
      { ...FIELDS, Upgrade: 'SPDY/3.1' },
    ]) {
      const client = await rawClient(t, proxy.port, upgradeText(fields));
      const answer = await client.closed;
      assert.equal(parseResponse(answer).code, 400);
      assert.equal(statusMessage(answer), 'unable to upgrade: no tunneling spdy protocols provided');
    }
    assert.equal(backend.connections.length, 0);
    await until(() => proxy.sockets.size === 0);
  });

  it('BadHandshakeError: a backend that knows none of the protocols', async (t) => {
    const { text, backend, proxy } = await answered(t, [
      'HTTP/1.1 403 Forbidden\r\nX-Accepted-Stream-Protocol-Versions: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n',
    ]);
    assert.equal(parseResponse(text).code, 403);
    assert.match(text, /\r\nX-Accepted-Stream-Protocol-Versions: portforward\.k8s\.io\r\n/);
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
  });

  for (const code of [500, 502, 503]) {
    it(`UpstreamSPDYServerErrorPropagated: ${code}`, async (t) => {
      const { text, backend, proxy } = await answered(t, [
        `HTTP/1.1 ${code} Broken\r\nContent-Length: 6\r\n\r\nsorry\n`,
      ]);
      assert.equal(parseResponse(text).code, code);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
      assert.equal(backend.connections[0]?.behind(), '');
    });
  }
});

describe('TestTunnelingHandler_HeaderInterceptingConn', () => {
  const body = 'This is extra split data.\n';
  const refusal =
    'HTTP/1.1 400 Error\r\nContent-Length: 26\r\nDate: Sun, 25 Feb 2024 08:09:25 GMT\r\nSplit-Point: split\r\n' +
    'X-App-Protocol: portforward.k8s.io\r\n\r\n';
  const upgrade =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nSplit-Point: split\r\n' +
    'X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n';
  const lines = (text: string): string => text.replaceAll('\r', '');
  const ways: Readonly<Record<string, (text: string) => readonly string[]>> = {
    'single-write': (text) => [text],
    'byte-by-byte': (text) => [...text],
    'span-headerbody': (text) => text.split(/(split)/),
    'headers-body': (text) => text.split(/(?<=\n\r?\n)/),
  };
  for (const [name, cut] of Object.entries(ways)) {
    for (const lf of [false, true]) {
      const suffix = lf ? ', tolerating lf' : '';
      it(`simple-${name}${suffix}: the WebSocket is accepted, what follows is its first message`, async (t) => {
        const head = lf ? lines(upgrade) : upgrade;
        const { text, socket } = await answered(t, cut(head + body));
        assert.equal(parseResponse(text).code, 101);
        assert.match(text, /\r\nSec-WebSocket-Protocol: SPDY\/3\.1\+portforward\.k8s\.io\r\n/);
        assert.doesNotMatch(text, /Split-Point/);
        let received = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
        socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
        const payload = (): string => {
          let found = '';
          for (let i = 0; i + 1 < received.length; i += 2 + (received[i + 1] ?? 0)) {
            assert.equal(received[i], 0x82);
            found += received.toString('latin1', i + 2, i + 2 + (received[i + 1] ?? 0));
          }
          return found;
        };
        await until(() => payload() === body);
      });

      it(`content-length-${name}${suffix}: the refusal is replayed`, async (t) => {
        const head = lf ? lines(refusal) : refusal;
        const { socket, backend, proxy } = await answered(t, cut(head + body));
        let rest = '';
        socket.on('data', (chunk: Buffer) => (rest += chunk.toString('latin1')));
        await until(() => proxy.sockets.size === 0 && backend.connections[0]?.over() === true);
      });
    }
  }

  it('a replayed refusal is whole', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.write(refusal + body));
    const proxy = await tunnel(t, backend.url);
    const client = await rawClient(t, proxy.port, REQUEST);
    const answer = parseResponse(await client.closed);
    assert.deepEqual([answer.code, answer.body], [400, body]);
    assert.match(answer.head, /\r\nX-App-Protocol: portforward\.k8s\.io\r\n/);
  });

  it('invalid-single-write, invalid-byte-by-byte', async (t) => {
    const invalid = upgrade.replace('HTTP/1.1', 'INVALID/1.1');
    for (const pieces of [[invalid], [...invalid]]) {
      const { text, backend, proxy } = await answered(t, pieces);
      assert.equal(parseResponse(text).code, 502);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
    }
  });

  it('a 101 that lacks the headers is a 500, and one for another protocol than was offered a 403', async (t) => {
    const cases: readonly (readonly [number, string])[] = [
      [500, 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
      [500, upgrade.replace('Connection: Upgrade\r\n', '')],
      [500, upgrade.replace('Upgrade: SPDY/3.1\r\n', 'Upgrade: websocket\r\n')],
      [500, upgrade.replace('X-Stream-Protocol-Version: portforward.k8s.io\r\n', '')],
      [403, upgrade.replace('portforward.k8s.io', 'other.k8s.io')],
    ];
    for (const [code, head] of cases) {
      const { text, backend, proxy } = await answered(t, [head + body]);
      assert.equal(parseResponse(text).code, code, head);
      if (code === 500) assert.match(text, /missing upgrade headers in response/);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
      assert.equal(backend.connections[0]?.behind(), '');
    }
  });

  it('header size limit exceeded', async (t) => {
    const { text } = await answered(t, [`${upgrade.slice(0, -2)}X: ${'x'.repeat(70_000)}\r\n\r\n`]);
    assert.equal(parseResponse(text).code, 502);
  });
});

describe('a tunnel', () => {
  it('asks for each protocol that is offered, without its prefix, and takes the one chosen', async (t) => {
    const offered = { ...FIELDS, 'Sec-WebSocket-Protocol': `x, SPDY/3.1+b.k8s.io, v5.channel.k8s.io, ${TUNNEL}` };
    const { text, backend } = await answered(
      t,
      [
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
          'X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n',
      ],
      upgradeText({ ...offered, 'X-Stream-Protocol-Version': 'forged', 'X-Mine': 'yes' }),
    );
    assert.match(text, /\r\nSec-WebSocket-Protocol: SPDY\/3\.1\+portforward\.k8s\.io\r\n/);
    const asked = backend.connections[0]?.text() ?? '';
    assert.match(asked, /^POST \/exec HTTP\/1\.1\r\n/);
    assert.deepEqual(
      [...asked.matchAll(/^X-Stream-Protocol-Version: (.*)\r$/gim)].map(([, name]) => name),
      ['b.k8s.io', 'portforward.k8s.io'],
    );
    assert.match(asked, /\r\nContent-Length: 0\r\n/);
    assert.match(asked, /\r\nX-Mine: yes\r\n/);
    assert.doesNotMatch(asked, /Sec-WebSocket|websocket/i);
  });

  it('is told from other requests', () => {
    const is = (protocol: string, upgrade = 'websocket'): boolean =>
      isTunnelRequest(upgradeRequest({ Connection: 'Upgrade', Upgrade: upgrade, 'Sec-WebSocket-Protocol': protocol }));
    assert.deepEqual(
      [is(TUNNEL), is(`a, ${TUNNEL}`), is('v5.channel.k8s.io'), is(TUNNEL, 'SPDY/3.1'), is('SPDY/3.1+x.io')],
      [true, true, false, false, false],
    );
  });

  it('refuses a malformed WebSocket request, and lets go of the backend', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
          'X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n',
      );
    });
    const proxy = await tunnel(t, backend.url);
    const client = await rawClient(t, proxy.port, REQUEST.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'));
    assert.equal(parseResponse(await client.closed).code, 400);
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
  });

  it('is not opened for a caller that has ended meanwhile', async (t) => {
    const backend = await rawBackend(t, () => {});
    const proxy = await tunnel(t, backend.url);
    const client = await rawClient(t, proxy.port, REQUEST);
    await until(() => (backend.connections[0]?.text() ?? '').endsWith('\r\n\r\n'));
    client.socket.end();
    await settle();
    backend.connections[0]?.socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
        'X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n',
    );
    assert.equal(await client.closed, '');
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
  });

  it('forwards ports through to a backend of SPDY alone', async (t) => {
    const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    t.after(() => echo.close());
    const { port } = echo.address() as AddressInfo;
    const backend = await serve(t, {
      handleUpgrade: portForwardHandler(({ port: wanted }) => connect(wanted, '127.0.0.1'), { transports: ['spdy'] }),
    });
    const proxy = await tunnel(t, backend.url);
    const forward = await portForward(`${proxy.url}/portforward`, [`:${port}`], { transport: 'tunnel' });
    const [local] = forward.ports;
    for (let i = 0; i < 3; i++) {
      const socket = connect(local?.localPort ?? 0, '127.0.0.1');
      socket.end(`hello ${i}`);
      let text = '';
      for await (const chunk of socket) text += (chunk as Buffer).toString('latin1');
      assert.equal(text, `hello ${i}`);
    }
    await forward.close();
    await until(() => proxy.sockets.size === 0 && backend.sockets.size === 0);
    await settle();
  });
});
