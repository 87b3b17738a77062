import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { UpgradeAwareProxy, type UpgradeAwareProxyOptions } from '../../src/proxy/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { CA, SERVER_CERT, SERVER_KEY, STRANGER_CERT, STRANGER_KEY } from '../support/certificates.js';
import {
  SWITCHING,
  parseResponse,
  rawBackend,
  rawClient,
  serve,
  settle,
  statusMessage,
  until,
  upgradeText,
  type Front,
  type RawConnection,
} from '../support/proxy.js';

async function front(
  t: TestContext,
  target: string,
  options: Partial<UpgradeAwareProxyOptions> = {},
): Promise<Front & { readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  const proxy = new UpgradeAwareProxy({ target, onError: (error) => errors.push(error), ...options });
  return { ...(await serve(t, proxy)), errors };
}

describe('TestProxyUpgrade', () => {
  /** A WebSocket server under /hello that greets whoever it hears of. */
  async function greeter(
    t: TestContext,
    tls?: { readonly cert: string; readonly key: string },
  ): Promise<{ readonly port: number; readonly protocols: unknown[]; readonly authorizations: unknown[] }> {
    const authorizations: unknown[] = [];
    const protocols: unknown[] = [];
    const server = new WebSocketServer({ noServer: true });
    server.on('connection', (socket, req) => {
      authorizations.push(req.headers.authorization);
      socket.on('message', (data) => socket.send(`hello ${String(data as Buffer)}`));
    });
    const handleUpgrade = (...[req, socket, head]: Parameters<WebSocketServer['handleUpgrade']>): void => {
      assert.equal(req.url, '/hello');
      server.handleUpgrade(req, socket, head, (webSocket) => server.emit('connection', webSocket, req));
    };
    if (tls === undefined) {
      const { port } = await serve(t, {
        handleUpgrade: (req, socket, head) => handleUpgrade(req, socket, head, () => {}),
      });
      return { port, protocols, authorizations };
    }
    const sockets = new Set<Socket>();
    const secure = createServer({ ...tls, ALPNProtocols: ['h2', 'http/1.1'] });
    secure.on('secureConnection', (socket) => {
      protocols.push(socket.alpnProtocol);
      sockets.add(socket);
      socket.on('error', () => {});
    });
    secure.on('upgrade', (req, socket, head) => handleUpgrade(req, socket, head, () => {}));
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      secure.close();
    });
    return { port: (secure.address() as AddressInfo).port, protocols, authorizations };
  }

  async function greet(t: TestContext, port: number): Promise<string> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/some/path`, { origin: `http://127.0.0.1:${port}` });
    t.after(() => socket.terminate());
    await once(socket, 'open');
    socket.send('world');
    const [data] = (await once(socket, 'message')) as [Buffer];
    return data.toString();
  }

  it('http', async (t) => {
    const { port } = await greeter(t);
    const proxy = await front(t, `http://127.0.0.1:${port}/hello`);
    assert.equal(await greet(t, proxy.port), 'hello world');
  });

  it('both client and server support http2, but force to http/1.1 for upgrade', async (t) => {
    const { port, protocols } = await greeter(t, { cert: SERVER_CERT, key: SERVER_KEY });
    const tls = { ca: CA, ALPNProtocols: ['h2', 'http/1.1'] };
    const proxy = await front(t, `https://127.0.0.1:${port}/hello`, { tls });
    assert.equal(await greet(t, proxy.port), 'hello world');
    assert.deepEqual(protocols, ['http/1.1']);
  });

  it('https (invalid hostname + rejectUnauthorized: false)', async (t) => {
    const { port } = await greeter(t, { cert: STRANGER_CERT, key: STRANGER_KEY });
    const proxy = await front(t, `https://127.0.0.1:${port}/hello`, { tls: { rejectUnauthorized: false } });
    assert.equal(await greet(t, proxy.port), 'hello world');
  });

  it('https (invalid hostname): 502', async (t) => {
    const { port } = await greeter(t, { cert: STRANGER_CERT, key: STRANGER_KEY });
    const proxy = await front(t, `https://127.0.0.1:${port}/hello`, { tls: { ca: CA } });
    const client = await rawClient(t, proxy.port, upgradeText());
    assert.equal(parseResponse(await client.closed).code, 502);
  });

  it('https (valid hostname + CA), also where the name is resolved and its address checked', async (t) => {
    const { port } = await greeter(t, { cert: SERVER_CERT, key: SERVER_KEY });
    for (const options of [{}, { checkAddress: () => true, lookup: () => Promise.resolve(['127.0.0.1']) }]) {
      const proxy = await front(t, `https://localhost:${port}/hello`, { tls: { ca: CA }, ...options });
      assert.equal(await greet(t, proxy.port), 'hello world');
    }
  });

  it('https (valid hostname + CA + bearer token)', async (t) => {
    const { port, authorizations } = await greeter(t, { cert: SERVER_CERT, key: SERVER_KEY });
    const headers = { Authorization: 'Bearer 1234' };
    const proxy = await front(t, `https://127.0.0.1:${port}/hello`, { tls: { ca: CA }, headers });
    assert.equal(await greet(t, proxy.port), 'hello world');
    assert.deepEqual(authorizations, ['Bearer 1234']);
  });

  it('custom dialer', async (t) => {
    const [near, far] = duplexPair();
    t.after(() => {
      near.destroy();
      far.destroy();
    });
    let asked = '';
    far.on('data', (chunk: Buffer) => {
      if (asked === '') far.write(`${SWITCHING}hello `);
      else far.write(chunk);
      asked += chunk.toString('latin1');
    });
    const proxy = await front(t, 'http://backend.test/x?command=a', { dialer: () => Promise.resolve(near) });
    const client = await rawClient(t, proxy.port, upgradeText());
    await client.received('hello ');
    client.socket.write('world');
    await client.received('hello world');
    assert.match(asked, /^GET \/x\?command=a HTTP\/1\.1\r\nHost: proxy\.test\r\n/);
    assert.match(asked, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
    assert.match(asked, /\r\nConnection: Upgrade\r\nUpgrade: SPDY\/3\.1\r\n/);
  });
});

describe('TestProxyUpgradeConnectionErrorResponse', () => {
  it('a dial error is a 502', async (t) => {
    const proxy = await front(t, 'http://fake-backend/', { dialer: () => Promise.reject(new Error('EXPECTED')) });
    const client = await rawClient(t, proxy.port, upgradeText({ 'Content-Length': '0' }, 'POST /some/path HTTP/1.1'));
    const answer = await client.closed;
    assert.equal(parseResponse(answer).code, 502);
    assert.match(statusMessage(answer), /error dialing backend: .*EXPECTED/);
    await until(() => proxy.sockets.size === 0);
  });
});

describe('TestProxyUpgradeErrorResponseTerminates', () => {
  const bodies: Readonly<Record<string, string>> = {
    length: 'Content-Length: 9\r\n\r\nsome data',
    chunked: 'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nsome \r\n4\r\ndata\r\n0\r\nX-Trailer: 1\r\n\r\n',
    'both, of which chunked counts':
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsome data\r\n0\r\n\r\n',
  };
  for (const code of [400, 500]) {
    for (const [framing, rest] of Object.entries(bodies)) {
      it(`code=${code}, ${framing}: the answer is forwarded and both sockets are closed`, async (t) => {
        const backend = await rawBackend(t, ({ socket }) => {
          socket.write(`HTTP/1.1 ${code} Some Reason\r\nX-Reason: yes\r\n${rest}`);
        });
        const proxy = await front(t, `${backend.url}/hello`);
        const client = await rawClient(t, proxy.port, upgradeText());
        const { head, body } = parseResponse(await client.closed);
        assert.match(head, new RegExp(`^HTTP/1.1 ${code} Some Reason\r\nX-Reason: yes\r\n`));
        assert.match(head, /\r\nConnection: close/);
        if (framing === 'length') assert.equal(body, 'some data');
        else
          assert.equal(
            body,
            framing === 'chunked' ? '5\r\nsome \r\n4\r\ndata\r\n0\r\n\r\n' : '9\r\nsome data\r\n0\r\n\r\n',
          );
        assert.doesNotMatch(head, framing === 'length' ? /Transfer-Encoding/ : /Content-Length/);
        client.socket.write('GET /there HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
        assert.equal(backend.connections.length, 1);
        assert.equal(backend.connections[0]?.behind(), '');
      });
    }
  }

  it('a body that ends with the connection is forwarded to its end', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 403 Forbidden\r\n\r\nsome ');
      setTimeout(() => socket.end('data'), 5);
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText());
    assert.equal(parseResponse(await client.closed).body, 'some data');
  });

  it('a body that never ends is cut off at the deadline', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nsome data');
    });
    const proxy = await front(t, `${backend.url}/`, { refusalTimeout: 30 });
    const client = await rawClient(t, proxy.port, upgradeText());
    await client.closed;
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
  });

  it('a large body arrives whole', async (t) => {
    const data = randomBytes(3 * 1024 * 1024);
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write(`HTTP/1.1 500 No\r\nContent-Length: ${data.length}\r\n\r\n`);
      socket.write(data);
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText());
    assert.ok(parseResponse(await client.closed).body === data.toString('latin1'));
  });

  it('a body that breaks off never looks whole', async (t) => {
    const rests = {
      'chunks that break off': 'Transfer-Encoding: chunked\r\n\r\n5\r\nsome ',
      'malformed chunks': 'Transfer-Encoding: chunked\r\n\r\n5\r\nsome \r\nx\r\n',
      'a length not reached': 'Content-Length: 9\r\n\r\nsome ',
    };
    for (const [name, rest] of Object.entries(rests)) {
      const backend = await rawBackend(t, ({ socket }) => socket.end(`HTTP/1.1 500 No\r\n${rest}`));
      const proxy = await front(t, `${backend.url}/`);
      const client = await rawClient(t, proxy.port, upgradeText());
      const { body } = parseResponse(await client.closed);
      assert.ok(!body.endsWith('0\r\n\r\n') && !body.endsWith('data'), `${name}: ${body}`);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
    }
  });

  it('a body that ends with the connection is reset when the connection breaks', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 500 No\r\n\r\nsome ');
      setTimeout(() => socket.resetAndDestroy(), 10);
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText());
    let error: NodeJS.ErrnoException | undefined;
    client.socket.on('error', (cause) => (error = cause));
    await client.closed;
    assert.equal(error?.code, 'ECONNRESET');
    await until(() => proxy.sockets.size === 0);
  });

  it('a caller of HTTP/1.0 gets a chunked body as it is', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsome data\r\n0\r\n\r\n');
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText({}, 'GET /exec HTTP/1.0'));
    const { head, body } = parseResponse(await client.closed);
    assert.equal(body, 'some data');
    assert.doesNotMatch(head, /Transfer-Encoding/);
  });

  it('framing that cannot be understood is a 502', async (t) => {
    for (const fields of ['Content-Length: 1\r\nContent-Length: 2', 'Content-Length: -1', 'Transfer-Encoding: gzip']) {
      const backend = await rawBackend(t, ({ socket }) => socket.write(`HTTP/1.1 400 No\r\n${fields}\r\n\r\nab`));
      const proxy = await front(t, `${backend.url}/`);
      const client = await rawClient(t, proxy.port, upgradeText());
      assert.equal(parseResponse(await client.closed).code, 502, fields);
      await until(() => backend.connections[0]?.over() === true);
    }
  });
});

describe('TestProxyUpgradeErrorResponse', () => {
  for (const code of [200, 204, 300, 302, 304, 307, 100, 103]) {
    it(`code=${code}: a generic error, and nothing of the answer`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => {
        socket.write(`HTTP/1.1 ${code} X\r\nLocation: https://example.com/there\r\nContent-Length: 4\r\n\r\nbody`);
      });
      const proxy = await front(t, `${backend.url}/hello`);
      const client = await rawClient(t, proxy.port, upgradeText());
      const answer = await client.closed;
      assert.equal(parseResponse(answer).code, 502);
      assert.equal(statusMessage(answer), `invalid upgrade response: status code ${code}`);
      assert.doesNotMatch(answer, /example\.com|Location/);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
      assert.equal(backend.connections.length, 1);
      assert.equal(proxy.errors.length, 1);
    });
  }
});

describe('the answer of a backend', () => {
  const answered = async (
    t: TestContext,
    answer: (connection: RawConnection) => void,
    options = {},
  ): Promise<string> => {
    const backend = await rawBackend(t, answer);
    const proxy = await front(t, `${backend.url}/hello`, options);
    const client = await rawClient(t, proxy.port, upgradeText());
    const text = await client.closed;
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
    assert.equal(backend.connections[0]?.behind(), '');
    return text;
  };

  it('that never comes is a 504', async (t) => {
    const answer = await answered(t, () => {}, { limits: { upgradeTimeout: 40 } });
    assert.equal(parseResponse(answer).code, 504);
  });

  it('that stays half is a 504; one that is cut in the middle a 502', async (t) => {
    const half = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upg';
    const options = { limits: { upgradeTimeout: 40 } };
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.write(half), options)).code, 504);
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.end(half))).code, 502);
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.destroy())).code, 502);
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.resetAndDestroy())).code, 502);
  });

  it('may have a header of maxResponseHeaderBytes and not one byte more', async (t) => {
    const head = (length: number): string => {
      const start = 'HTTP/1.1 400 No\r\nContent-Length: 0\r\nX: ';
      return `${start}${'x'.repeat(length - start.length - 4)}\r\n\r\n`;
    };
    const options = { maxResponseHeaderBytes: 1000 };
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.write(head(1000)), options)).code, 400);
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.write(head(1001)), options)).code, 502);
    assert.equal(parseResponse(await answered(t, ({ socket }) => socket.write('x'.repeat(70_000)))).code, 502);
  });
});

describe('an upgraded connection', () => {
  async function connected(
    t: TestContext,
    options: Partial<UpgradeAwareProxyOptions> = {},
  ): Promise<{
    readonly client: Awaited<ReturnType<typeof rawClient>>;
    readonly backend: RawConnection;
    readonly proxy: Front;
  }> {
    const backend = await rawBackend(t, ({ socket }) => socket.write(SWITCHING));
    const proxy = await front(t, `${backend.url}/`, options);
    const client = await rawClient(t, proxy.port, upgradeText());
    await client.received(SWITCHING);
    const [connection] = backend.connections;
    assert.ok(connection);
    return { client, backend: connection, proxy };
  }

  it('carries bytes both ways, those right behind the 101 too', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.write(`${SWITCHING}first`));
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText());
    assert.ok((await client.received('first')).endsWith(`${SWITCHING}first`));
    client.socket.write('up');
    await until(() => backend.connections[0]?.behind() === 'up');
  });

  it('keeps a half-close, either way', async (t) => {
    const { client, backend } = await connected(t);
    client.socket.end('last words');
    await until(() => backend.over());
    assert.equal(backend.behind(), 'last words');
    backend.socket.write('still ');
    await client.received('still ');
    backend.socket.end('here');
    assert.ok((await client.closed).endsWith('still here'));

    const other = await connected(t);
    other.backend.socket.end('done');
    assert.ok((await other.client.closed).endsWith('done'));
    await until(() => other.proxy.sockets.size === 0);
  });

  it('goes on after the backend has ended, too', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.end(SWITCHING));
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, upgradeText());
    client.socket.removeAllListeners('end');
    await once(client.socket, 'end');
    client.socket.end('heard');
    await until(() => backend.connections[0]?.behind() === 'heard' && backend.connections[0].over());
    await until(() => proxy.sockets.size === 0);
  });

  it('with halfCloseTimeout 0 ends when one end does, as in the original', async (t) => {
    const { client, backend, proxy } = await connected(t, { halfCloseTimeout: 0 });
    client.socket.write('last');
    client.socket.end();
    await until(() => backend.over());
    assert.equal(backend.behind(), 'last');
    backend.socket.end();
    await until(() => proxy.sockets.size === 0);
  });

  it('is closed when a half of it has been silent for halfCloseTimeout, or all of it for idleTimeout', async (t) => {
    const half = await connected(t, { halfCloseTimeout: 20 });
    half.client.socket.end();
    await until(() => half.proxy.sockets.size === 0);
    const idle = await connected(t, { idleTimeout: 20 });
    await idle.client.closed;
    await until(() => idle.backend.over() && idle.proxy.sockets.size === 0);
  });

  it('is closed when nothing is taken for writeTimeout', async (t) => {
    const { backend, client, proxy } = await connected(t, { limits: { writeTimeout: 50 } });
    client.socket.pause();
    backend.socket.write(Buffer.alloc(32 * 1024 * 1024));
    await until(() => proxy.sockets.size === 0);
    await until(() => backend.over());
  });

  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    it(`${how} at one end closes the other, after what had been sent`, async (t) => {
      const { client, backend, proxy } = await connected(t);
      backend.socket.write('tail', () => backend.socket[how]());
      assert.ok((await client.closed).endsWith(how === 'destroy' ? 'tail' : ''));
      await until(() => proxy.sockets.size === 0);

      const other = await connected(t);
      other.client.socket[how]();
      await until(() => other.backend.over());
      // To the proxy a client that is gone looks like one that has only ended, until what is sent to it comes back.
      while (other.proxy.sockets.size > 0) {
        other.backend.socket.write('anybody there?');
        await settle();
      }
    });
  }

  it('holds a fast end up while the other does not read', async (t) => {
    const { client, backend } = await connected(t);
    client.socket.pause();
    const piece = Buffer.alloc(256 * 1024);
    let taken = 0;
    const send = (): void => {
      while (taken < 256 * 1024 * 1024) {
        taken += piece.length;
        if (!backend.socket.write(piece)) return;
      }
    };
    backend.socket.on('drain', send);
    send();
    let before = -1;
    while (before !== taken) {
      before = taken;
      await settle();
    }
    assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes were taken`);
  });

  it('carries 8 MiB both ways at once, unchanged', async (t) => {
    const data = randomBytes(8 * 1024 * 1024);
    const { client, backend } = await connected(t);
    client.socket.removeAllListeners('data');
    backend.socket.removeAllListeners('data');
    const gather = async (socket: Socket): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    };
    const arrived = Promise.all([gather(client.socket), gather(backend.socket)]);
    client.socket.end(data);
    backend.socket.end(data);
    for (const bytes of await arrived) assert.ok(bytes.equals(data));
  });
});
