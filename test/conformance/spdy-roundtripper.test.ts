import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { HandshakeError, handshake, isUpgradeFailure, refuseUpgrade, type UpgradeRequest } from '../../src/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { duplexPair } from '../../src/testing/index.js';
import {
  CA,
  CLIENT_CERT,
  CLIENT_KEY,
  SERVER_CERT,
  SERVER_KEY,
  STRANGER_CERT,
  STRANGER_KEY,
} from '../support/certificates.js';

// The rows of k8s.io/streaming httpstream/spdy/roundtripper_test.go; those with proxies are in proxy-roundtripper.test.ts.

type OnUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

const accept: OnUpgrade = (req, socket, head) => {
  const headers = { 'X-Stream-Protocol-Version': handshake(req, ['v2', 'v1']) };
  new SpdyResponseUpgrader({ pingPeriod: 0 }).upgradeResponse(
    req,
    socket,
    head,
    (stream) => void stream.pipe(stream),
    headers,
  );
};

async function withServer(onUpgrade: OnUpgrade, run: (port: number) => Promise<void>, tls?: object): Promise<void> {
  const server: Server = tls === undefined ? createHttpServer() : (createHttpsServer(tls) as Server);
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.on('upgrade', onUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  try {
    await run(address.port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

async function checkDial(request: UpgradeRequest, protocol = 'v2'): Promise<void> {
  const dialed = await new SpdyRoundTripper({ pingPeriod: 0 }).dial({ protocols: ['v9', 'v2', 'v1'], ...request });
  assert.equal(dialed.protocol, protocol);
  const stream = await dialed.connection.createStream({});
  stream.end('over the wire');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  assert.equal(text, 'over the wire');
  await dialed.connection.close();
}

async function failure(request: UpgradeRequest): Promise<Error & Record<string, unknown>> {
  try {
    const { connection } = await new SpdyRoundTripper({ pingPeriod: 0 }).dial(request);
    await connection.close();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error as Error & Record<string, unknown>;
  }
  throw new Error('the upgrade was not refused');
}

describe('http', () => {
  it('upgrades, with the protocol that the server chose', async () => {
    await withServer(accept, async (port) => await checkDial({ url: `http://127.0.0.1:${port}/a?b=c` }));
  });

  it('sends method, path, query, headers and every protocol as a line of its own', async () => {
    let seen: IncomingMessage | undefined;
    const onUpgrade: OnUpgrade = (req, socket, head) => {
      seen = req;
      accept(req, socket, head);
    };
    await withServer(onUpgrade, async (port) => {
      await checkDial({
        url: `http://127.0.0.1:${port}/p/x%2Fy?command=a&command=b%20c`,
        method: 'POST',
        headers: { 'X-One': ['1', '2'] },
      });
      assert.equal(seen?.method, 'POST');
      assert.equal(seen.url, '/p/x%2Fy?command=a&command=b%20c');
      assert.deepEqual(seen.headersDistinct['x-one'], ['1', '2']);
      assert.deepEqual(seen.headersDistinct['x-stream-protocol-version'], ['v9', 'v2', 'v1']);
      assert.deepEqual(
        [seen.headers.connection, seen.headers.upgrade, seen.headers.host],
        ['Upgrade', 'SPDY/3.1', `127.0.0.1:${port}`],
      );
      assert.equal(seen.headers['content-length'], '0');
    });
  });

  it('turns credentials of the address into Authorization, percent-escapes decoded', async () => {
    let authorization: string | undefined;
    const onUpgrade: OnUpgrade = (req, socket, head) => {
      ({ authorization } = req.headers);
      accept(req, socket, head);
    };
    await withServer(onUpgrade, async (port) => {
      await checkDial({ url: `http://us%40er:pa%3Ass@127.0.0.1:${port}/` });
      assert.equal(authorization, `Basic ${Buffer.from('us@er:pa:ss').toString('base64')}`);
      await checkDial({ url: `http://user:pass@127.0.0.1:${port}/`, headers: { authorization: 'Bearer given' } });
      assert.equal(authorization, 'Bearer given');
    });
  });

  it('does not let headers of the caller replace those of the upgrade', async () => {
    await withServer(accept, async (port) => {
      await checkDial({
        url: `http://127.0.0.1:${port}/`,
        headers: { Connection: 'close', Upgrade: 'h2c', 'Content-Length': '5' },
      });
    });
  });

  const head = (lines: readonly string[]): string =>
    ['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n');
  for (const [what, answer] of [
    ['no Upgrade', head(['Connection: Upgrade'])],
    ['no Connection', head(['Upgrade: SPDY/3.1'])],
    ['neither', head([])],
    ['another protocol', head(['Connection: Upgrade', 'Upgrade: websocket'])],
    ['no 101', 'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n'],
  ] as const) {
    it(`an answer with ${what} is an UpgradeFailureError, and the socket is closed`, async () => {
      let closed: Promise<unknown> | undefined;
      const onUpgrade: OnUpgrade = (_req, socket) => {
        closed = once(socket, 'close');
        socket.resume();
        socket.on('end', () => socket.end());
        socket.write(answer);
      };
      await withServer(onUpgrade, async (port) => {
        const error = await failure({ url: `http://127.0.0.1:${port}/` });
        assert.ok(isUpgradeFailure(error), String(error));
        assert.match(error.message, /unable to upgrade connection/);
        await closed;
      });
    });
  }

  it('an answer other than 101 carries status, the message of a Status, and the body', async () => {
    const onUpgrade: OnUpgrade = (_req, socket) => refuseUpgrade(socket, 403, 'pods "p" is forbidden');
    await withServer(onUpgrade, async (port) => {
      const error = await failure({ url: `http://127.0.0.1:${port}/` });
      assert.equal(error['statusCode'], 403);
      assert.equal(error.message, 'unable to upgrade connection: 403 pods "p" is forbidden');
      const status = error['status'] as { reason: string; code: number };
      assert.deepEqual([status.reason, status.code], ['Forbidden', 403]);
      assert.match(String(error['body']), /"kind":"Status"/);
    });
  });

  it('an answer in text carries the text; an empty one the reason phrase', async () => {
    for (const [body, message] of [
      ['no such pod\n', '404 no such pod'],
      ['', '404 Not Found'],
    ]) {
      const onUpgrade: OnUpgrade = (_req, socket) =>
        void socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body?.length}\r\n\r\n${body}`);
      await withServer(onUpgrade, async (port) => {
        const error = await failure({ url: `http://127.0.0.1:${port}/` });
        assert.equal(error.message, `unable to upgrade connection: ${message}`);
        assert.equal(error['status'], undefined);
      });
    }
  });

  it('errorBodyBytes: a body is kept up to the limit', async () => {
    const onUpgrade: OnUpgrade = (_req, socket) =>
      void socket.end(`HTTP/1.1 500 X\r\nContent-Length: 101\r\n\r\n${'x'.repeat(101)}`);
    await withServer(onUpgrade, async (port) => {
      const request = { url: `http://127.0.0.1:${port}/` };
      for (const limit of [100, 101, 102]) {
        const response = await new SpdyRoundTripper({ limits: { errorBodyBytes: limit } }).roundTrip(request);
        assert.equal(response.body.length, Math.min(limit, 101));
        assert.equal(response.socket, undefined);
      }
    });
  });

  it('redirects are not followed', async () => {
    let requests = 0;
    const onUpgrade: OnUpgrade = (_req, socket) => {
      requests++;
      socket.end('HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n');
    };
    await withServer(onUpgrade, async (port) => {
      const error = await failure({ url: `http://127.0.0.1:${port}/` });
      assert.equal(error['statusCode'], 307);
      assert.equal(requests, 1);
    });
  });

  it('the handshake refuses with 400 and 403, and the client gets to see it', async () => {
    const onUpgrade: OnUpgrade = (req, socket, first) => {
      try {
        accept(req, socket, first);
      } catch (error) {
        assert.ok(error instanceof HandshakeError);
        refuseUpgrade(socket, error.statusCode, error.message, { headers: error.headers });
      }
    };
    await withServer(onUpgrade, async (port) => {
      const url = `http://127.0.0.1:${port}/`;
      assert.equal((await failure({ url }))['statusCode'], 400);
      const response = await new SpdyRoundTripper().roundTrip({ url, protocols: ['v7'] });
      assert.equal(response.statusCode, 403);
      assert.equal(response.headers['x-accepted-stream-protocol-versions'], 'v2, v1');
    });
  });

  it('no answer is ConnectionLostError, not an upgrade failure', async () => {
    await withServer(
      (_req, socket) => void socket.destroy(),
      async (port) => {
        const error = await failure({ url: `http://user:secret@127.0.0.1:${port}/?token=secret` });
        assert.equal(error['code'], 'ERR_CONNECTION_LOST');
        assert.equal(isUpgradeFailure(error), false);
        assert.doesNotMatch(error.message, /secret/);
      },
    );
  });

  it('an answer that is not HTTP is ProtocolError', async () => {
    await withServer(
      (_req, socket) => void socket.end('SSH-2.0-OpenSSH\r\n'),
      async (port) => assert.equal((await failure({ url: `http://127.0.0.1:${port}/` }))['code'], 'ERR_PROTOCOL'),
    );
  });

  it('a 100 Continue before the 101 is skipped', async () => {
    const onUpgrade: OnUpgrade = (req, socket, first) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      accept(req, socket, first);
    };
    await withServer(onUpgrade, async (port) => await checkDial({ url: `http://127.0.0.1:${port}/` }));
  });
});

describe('https', () => {
  const tls = { key: SERVER_KEY, cert: SERVER_CERT };

  it('good name and known CA', async () => {
    await withServer(
      accept,
      async (port) => await checkDial({ url: `https://127.0.0.1:${port}/`, tls: { ca: CA } }),
      tls,
    );
    await withServer(
      accept,
      async (port) => await checkDial({ url: `https://localhost:${port}/`, tls: { ca: CA } }),
      tls,
    );
  });

  it('unknown CA is refused', async () => {
    await withServer(
      accept,
      async (port) => {
        const error = await failure({ url: `https://127.0.0.1:${port}/` });
        assert.equal(error['code'], 'ERR_CONNECTION_LOST');
        assert.match(String((error.cause as { code?: string }).code), /CERT|ISSUER|VERIFY/);
      },
      tls,
    );
  });

  it('bad name is refused, unless servername or the caller says otherwise', async () => {
    const stranger = { key: STRANGER_KEY, cert: STRANGER_CERT };
    await withServer(
      accept,
      async (port) => {
        const url = `https://127.0.0.1:${port}/`;
        const error = await failure({ url, tls: { ca: CA } });
        assert.equal((error.cause as { code?: string }).code, 'ERR_TLS_CERT_ALTNAME_INVALID');
        await checkDial({ url, tls: { ca: CA, servername: 'other.test' } });
        await checkDial({ url, tls: { rejectUnauthorized: false } });
      },
      stranger,
    );
  });

  it('client certificates are presented, and a server that demands one refuses without', async () => {
    let peer: string | string[] | undefined;
    const onUpgrade: OnUpgrade = (req, socket, first) => {
      peer = (socket as TLSSocket).getPeerCertificate().subject.CN;
      accept(req, socket, first);
    };
    await withServer(
      onUpgrade,
      async (port) => {
        const url = `https://127.0.0.1:${port}/`;
        await checkDial({ url, tls: { ca: CA, cert: CLIENT_CERT, key: CLIENT_KEY } });
        assert.equal(peer, 'client');
        assert.equal((await failure({ url, tls: { ca: CA } }))['code'], 'ERR_CONNECTION_LOST');
      },
      { ...tls, requestCert: true, rejectUnauthorized: true, ca: CA },
    );
  });

  it('a plain HTTP server behind https: fails', async () => {
    await withServer(accept, async (port) => {
      assert.equal(
        (await failure({ url: `https://127.0.0.1:${port}/`, tls: { ca: CA } }))['code'],
        'ERR_CONNECTION_LOST',
      );
    });
  });
});

describe('dialer and cancellation', () => {
  it('the dialer gets target, TLS settings and signal, and its socket is used as it is', async () => {
    await withServer(accept, async (port) => {
      let target: unknown;
      await checkDial({
        url: 'https://unresolvable.invalid/x',
        tls: { ca: CA },
        dialer: async ({ url, tls, signal }) => {
          target = { url: url.href, tls };
          assert.equal(signal.aborted, false);
          const socket = connect(port, '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        },
      });
      assert.deepEqual(target, { url: 'https://unresolvable.invalid/x', tls: { ca: CA } });
    });
  });

  it('a signal that aborted already: nothing is dialled', async () => {
    const reason = new Error('no');
    const dialing = new SpdyRoundTripper().dial({
      url: 'http://example.test/',
      signal: AbortSignal.abort(reason),
      dialer: async () => await Promise.reject(new Error('dialled')),
    });
    await assert.rejects(dialing, reason);
  });

  it('cancel reaches the dialer, and a socket that comes too late is destroyed', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const [late] = duplexPair();
    let deliver!: (socket: Duplex) => void;
    let heard = false;
    const dialing = new SpdyRoundTripper().dial({
      url: 'http://example.test/',
      signal: controller.signal,
      dialer: async ({ signal }) => {
        signal.addEventListener('abort', () => (heard = true));
        return await new Promise<Duplex>((resolve) => (deliver = resolve));
      },
    });
    const failed = assert.rejects(dialing, reason);
    await Promise.resolve();
    controller.abort(reason);
    await failed;
    assert.equal(heard, true);
    deliver(late);
    await once(late, 'close');
  });

  it('cancel while waiting for the answer destroys the socket', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const [ours, theirs] = duplexPair();
    const dialing = new SpdyRoundTripper().dial({
      url: 'http://example.test/',
      signal: controller.signal,
      dialer: async () => await Promise.resolve(ours),
    });
    await once(theirs, 'data');
    const failed = assert.rejects(dialing, reason);
    controller.abort(reason);
    await failed;
    assert.equal(ours.destroyed, true);
  });

  it('unusable options are refused by the constructor', () => {
    for (const options of [
      { compressionLevel: 10 },
      { compressionLevel: 0.5 },
      { pingPeriod: -1 },
      { limits: { maxStreams: 0 } },
      { stallPolicy: { resetAfter: Number.NaN } },
    ]) {
      assert.throws(() => new SpdyRoundTripper(options), { code: 'ERR_INVALID_ARGUMENT' });
      assert.throws(() => new SpdyResponseUpgrader(options), { code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('an unusable address is refused without repeating it', async () => {
    for (const url of ['ftp://user:secret@x/', 'no url secret', 'http://secret\n.test/']) {
      const error = await failure({ url });
      assert.equal(error['code'], 'ERR_INVALID_ARGUMENT');
      assert.doesNotMatch(error.message, /secret/);
    }
  });
});
