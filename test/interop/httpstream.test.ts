// k8s.io/streaming's SPDY round tripper against our response upgrader, and our round tripper against its upgrader.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ConnectionLostError, StreamResetError } from '../../src/errors/index.js';
import {
  HandshakeError,
  UpgradeFailureError,
  handshake,
  isUpgradeFailure,
  refuseUpgrade,
  type CloseReason,
  type Connection,
  type UpgradeRequest,
} from '../../src/httpstream/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { buildGoPrograms, runGoOnce, startGoServer, type GoServer } from './support/go-programs.js';
import { serveOps, textOf } from './support/ops.js';

interface ClientResult {
  readonly ok: boolean;
  readonly err: string;
  readonly dialed: boolean;
  readonly statusCode: number;
  readonly accepted: readonly string[] | null;
  readonly protocol: string;
  readonly echoed: number;
  readonly lastStreamId: number;
}

let certificates: Certificates;
before(() => {
  buildGoPrograms();
  certificates = makeCertificates();
});
after(() => certificates.remove());

describe('k8s.io/streaming client, our upgrader', () => {
  const protocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io'];
  const reasons: CloseReason[] = [];
  let connection: Connection | undefined;
  let idleTimeout = 0;
  let plain: Server;
  let secure: Server;

  const listen = async (server: Server): Promise<void> => {
    server.on('upgrade', (req, socket, head) => {
      try {
        const protocol = handshake(req, protocols);
        connection = new SpdyResponseUpgrader({ pingPeriod: 100, idleTimeout }).upgradeResponse(
          req,
          socket,
          head,
          (stream) => {
            if (stream.headers.get('op') === 'hold') return;
            return serveOps({ connection: () => connection as Connection, cut: () => socket.destroy() })(
              stream,
              Promise.resolve(),
            );
          },
          { 'X-Stream-Protocol-Version': protocol },
        );
        void connection?.closed.then((reason) => reasons.push(reason));
      } catch (error) {
        assert.ok(error instanceof HandshakeError);
        refuseUpgrade(socket, error.statusCode, error.message, { headers: error.headers });
      }
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  };
  before(async () => {
    plain = createServer();
    secure = createTlsServer({
      cert: certificates.serverCert,
      key: certificates.serverKey,
      ca: certificates.authority,
      requestCert: true,
      rejectUnauthorized: true,
    });
    await Promise.all([listen(plain), listen(secure)]);
  });
  after(() => {
    plain.close();
    secure.close();
  });

  const url = (server: Server, scheme = 'http'): string =>
    `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const run = (scenario: string, ...flags: string[]): Promise<ClientResult> =>
    runGoOnce<ClientResult>('httpstreampeer', ['client', '-url', url(plain), '-scenario', scenario, ...flags]);

  test('echo, with pings from both sides', async () => {
    const result = await run('echo', '-streams', '50', '-ping-period', '5ms');
    assert.deepEqual([result.err, result.echoed, result.protocol], ['', 50, 'v4.channel.k8s.io']);
  });

  test('the first protocol of the client that we know is chosen', async () => {
    const result = await run('dial', '-protocols', 'v9.channel.k8s.io,v3.channel.k8s.io,v4.channel.k8s.io');
    assert.deepEqual([result.err, result.protocol], ['', 'v3.channel.k8s.io']);
  });

  test('no protocol is 400, and none in common 403 with what we know', async () => {
    const none = await run('dial', '-protocols', '');
    assert.deepEqual([none.dialed, none.statusCode], [false, 400]);
    const disjoint = await run('dial', '-protocols', 'x,y');
    assert.deepEqual([disjoint.dialed, disjoint.statusCode, disjoint.accepted], [false, 403, protocols]);
    assert.match(disjoint.err, /none of the client's protocols is supported/);
  });

  test('a refused stream leaves the connection usable', async () => {
    const result = await run('refuse');
    assert.deepEqual([result.err, result.echoed], ['', 1]);
  });

  test('RemoveStreams, a nil one included, and ids past it', async () => {
    const result = await run('remove', '-streams', '500');
    assert.deepEqual([result.err, result.echoed, result.lastStreamId], ['', 500, 999]);
  });

  test('Close with open streams is quick, and we see a goodbye', async () => {
    reasons.length = 0;
    const result = await run('close', '-streams', '20', '-wait', '5s');
    assert.equal(result.err, '');
    const reason = await connection?.closed;
    assert.equal(reason?.kind, 'going-away');
    assert.equal(connection?.streams.size, 0);
  });

  test('our pings keep a client from idling out: spdystream counts every frame as activity', async () => {
    const result = await run('idle', '-idle', '300ms', '-wait', '1s');
    assert.equal(result.err, 'the connection stayed open');
  });

  test('our idle timeout, which pings do not undo', async () => {
    idleTimeout = 300;
    try {
      const result = await run('wait', '-ping-period', '20ms');
      assert.equal(result.err, '');
      const reason = await connection?.closed;
      assert.equal(reason?.kind, 'idle-timeout');
    } finally {
      idleTimeout = 0;
    }
  });

  test('TLS with a custom authority and a client certificate', async () => {
    const { files } = certificates;
    const flags = [
      'client',
      '-url',
      url(secure, 'https'),
      '-scenario',
      'echo',
      '-streams',
      '5',
      '-ca',
      files.authority,
    ];
    const withCertificate = [...flags, '-cert', files.clientCert, '-key', files.clientKey];
    const result = await runGoOnce<ClientResult>('httpstreampeer', withCertificate);
    assert.deepEqual([result.err, result.echoed], ['', 5]);
    const refused = await runGoOnce<ClientResult>('httpstreampeer', flags);
    assert.deepEqual([refused.dialed, refused.ok], [false, false]);
  });
});

describe('our round tripper, k8s.io/streaming server', () => {
  let server: GoServer<{ event?: string; text?: string; err?: string }>;
  let secure: GoServer<unknown>;
  before(async () => {
    const { files } = certificates;
    server = await startGoServer('httpstreampeer', ['server', '-protocols', 'v4.channel.k8s.io,v3.channel.k8s.io']);
    const tls = ['-tls-cert', files.serverCert, '-tls-key', files.serverKey, '-client-ca', files.authority];
    secure = await startGoServer('httpstreampeer', ['server', ...tls]);
  });
  after(() => Promise.all([server.stop(), secure.stop()]));

  const roundTripper = new SpdyRoundTripper({ pingPeriod: 100 });
  const dial = (path: string, request: Partial<UpgradeRequest> = {}): ReturnType<SpdyRoundTripper['dial']> =>
    roundTripper.dial({ url: `http://${server.address}${path}`, protocols: ['v4.channel.k8s.io'], ...request });
  const echo = async (connection: Connection, text: string): Promise<void> => {
    const stream = await connection.createStream({ op: 'echo' });
    stream.end(text);
    assert.equal(await textOf(stream), text);
  };

  test('echo on 50 streams', async () => {
    const { connection, protocol } = await dial('/', { protocols: ['v9.channel.k8s.io', 'v3.channel.k8s.io'] });
    assert.equal(protocol, 'v3.channel.k8s.io');
    await Promise.all(Array.from({ length: 50 }, (_, i) => echo(connection, `stream ${i}`)));
    await connection.close();
    assert.equal((await connection.closed).kind, 'closed');
  });

  test('no negotiated protocol is the empty string', async () => {
    const { connection, protocol } = await dial('/plain', { protocols: [] });
    assert.equal(protocol, '');
    await connection.close();
  });

  test('a stream that the server opens in the same breath as the 101', async () => {
    let connection: Connection | undefined;
    const handler = serveOps({ connection: () => connection as Connection, cut: () => {} });
    const early = new SpdyRoundTripper({ newStreamHandler: handler });
    ({ connection } = await early.dial({ url: `http://${server.address}/early` }));
    const line = await server.running.line(({ event }) => event === 'early');
    assert.deepEqual([line.text, line.err], ['early bird', '']);
    await connection.close();
  });

  test('a refused stream leaves the connection usable', async () => {
    const { connection } = await dial('/');
    await assert.rejects(connection.createStream({ op: 'refuse' }), StreamResetError);
    await echo(connection, 'after the refusal');
    await connection.close();
  });

  test('close with open streams is a goodbye that the server sees', async () => {
    const { connection } = await dial('/');
    await Promise.all(Array.from({ length: 20 }, () => connection.createStream({ op: 'hold' })));
    const closes = server.running.lines.filter(({ event }) => event === 'closed').length;
    await connection.close();
    await server.running.line(() => server.running.lines.filter(({ event }) => event === 'closed').length > closes);
  });

  test('the server closes the connection: open streams error', async () => {
    const { connection } = await dial('/');
    const open = await connection.createStream({ op: 'hold' });
    const lost = assert.rejects(
      textOf(open),
      (error) => error instanceof ConnectionLostError || error instanceof StreamResetError,
    );
    await connection.createStream({ op: 'close' }).catch(() => {});
    await lost;
    const { kind } = await connection.closed;
    assert.ok(kind === 'going-away' || kind === 'ended', kind);
  });

  test('an idle timeout of ours', async () => {
    const { connection } = await dial('/');
    const open = await connection.createStream({ op: 'hold' });
    connection.setIdleTimeout(200);
    await assert.rejects(textOf(open), { code: 'ERR_IDLE_TIMEOUT' });
    assert.equal((await connection.closed).kind, 'idle-timeout');
  });

  for (const [path, statusCode, message] of [
    ['/forbidden', 403, /pods "p" is forbidden/],
    ['/text', 404, /no such thing/],
    ['/ok', 200, /not upgraded/],
    ['/redirect', 302, /302/],
    ['/bad101', 101, /lacks the upgrade headers/],
  ] as const) {
    test(`${path} is an UpgradeFailureError with status ${statusCode}`, async () => {
      await assert.rejects(dial(path), (error) => {
        assert.ok(error instanceof UpgradeFailureError && isUpgradeFailure(error));
        assert.equal(error.statusCode, statusCode);
        assert.match(error.message, message);
        assert.equal(error.status?.reason, path === '/forbidden' ? 'Forbidden' : undefined);
        return true;
      });
    });
  }

  test('handshake refusals', async () => {
    const failure = (statusCode: number) => (error: unknown) =>
      error instanceof UpgradeFailureError && error.statusCode === statusCode;
    await assert.rejects(dial('/', { protocols: [] }), failure(400));
    await assert.rejects(dial('/', { protocols: ['x', 'y'] }), failure(403));
  });

  test('a server that never answers: time out, and abort', async () => {
    await assert.rejects(dial('/hang', { timeout: 200 }), { code: 'ERR_TIMEOUT' });
    const reason = new Error('enough');
    const signal = AbortSignal.timeout(10_000);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    await assert.rejects(
      dial('/hang', { signal: AbortSignal.any([signal, controller.signal]) }),
      (error) => error === reason,
    );
  });

  test('TLS with a custom authority and a client certificate', async () => {
    const url = `https://${secure.address}/`;
    const protocols = ['v4.channel.k8s.io'];
    const { authority: ca, clientCert: cert, clientKey: key } = certificates;
    const { connection } = await roundTripper.dial({ url, protocols, tls: { ca, cert, key } });
    await echo(connection, 'over TLS');
    await connection.close();
    await assert.rejects(roundTripper.dial({ url, protocols, tls: { cert, key } }), {
      code: /^ERR_|CERT|SELF_SIGNED|UNABLE/,
    });
    await assert.rejects(roundTripper.dial({ url, protocols, tls: { ca } }));
    const misnamed = { ca, cert, key, servername: 'other.example' };
    await assert.rejects(roundTripper.dial({ url, protocols, tls: misnamed }));
  });
});
