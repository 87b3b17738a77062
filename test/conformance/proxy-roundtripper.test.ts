// The rows of k8s.io/streaming httpstream/spdy/roundtripper_test.go that go through proxies, over SPDY and over WebSocket
// (where client-go up to 0.32 cannot use an https proxy). Where its rows share one TLS configuration, ours has two.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SpdyRoundTripper } from '../../src/spdy/index.js';
import { CA, SERVER_CERT, SERVER_KEY, STRANGER_CERT, STRANGER_KEY } from '../support/certificates.js';
import { httpProxy, socksProxy } from '../support/proxies.js';
import { WIRES, checkEcho, failureOf, startEchoServer } from './proxy-support.js';

const VALID = { cert: SERVER_CERT, key: SERVER_KEY };
const STRANGER = { cert: STRANGER_CERT, key: STRANGER_KEY };
const TRUSTED = { ca: CA };
const INSECURE = { rejectUnauthorized: false };

/** Name of the row, proxy's certificate, server's, TLS settings for proxy and server, credentials, and whether it works. */
const HTTP_ROWS = [
  ['proxied http->http', undefined, undefined, {}, {}, undefined, true],
  ['proxied https (invalid hostname + InsecureSkipVerify) -> http', STRANGER, undefined, INSECURE, {}, undefined, true],
  [
    'proxied https with auth (invalid hostname + InsecureSkipVerify) -> http',
    STRANGER,
    undefined,
    INSECURE,
    {},
    ['proxyuser', 'proxypasswd'],
    true,
  ],
  [
    'proxied https (invalid hostname + hostname verification) -> http',
    STRANGER,
    undefined,
    TRUSTED,
    {},
    undefined,
    false,
  ],
  ['proxied https (valid hostname + RootCAs) -> http', VALID, undefined, TRUSTED, {}, undefined, true],
  [
    'proxied https with auth (valid hostname + RootCAs) -> http',
    VALID,
    undefined,
    TRUSTED,
    {},
    ['proxyuser', 'proxypasswd'],
    true,
  ],
  [
    'proxied https (invalid hostname + InsecureSkipVerify) -> https (invalid hostname)',
    STRANGER,
    STRANGER,
    INSECURE,
    INSECURE,
    undefined,
    true,
  ],
  [
    'proxied https with auth (invalid hostname + InsecureSkipVerify) -> https (invalid hostname)',
    STRANGER,
    STRANGER,
    INSECURE,
    INSECURE,
    ['proxyuser', 'proxypasswd'],
    true,
  ],
  [
    'proxied https (invalid hostname + hostname verification) -> https (invalid hostname)',
    STRANGER,
    STRANGER,
    TRUSTED,
    TRUSTED,
    undefined,
    false,
  ],
  [
    'proxied https (valid hostname + RootCAs) -> https (valid hostname + RootCAs)',
    VALID,
    VALID,
    TRUSTED,
    TRUSTED,
    undefined,
    true,
  ],
  [
    'proxied https with auth (valid hostname + RootCAs) -> https (valid hostname + RootCAs)',
    VALID,
    VALID,
    TRUSTED,
    TRUSTED,
    ['proxyuser', 'proxypasswd'],
    true,
  ],
  [
    'proxied valid https, proxy auth with chars that percent escape -> valid https',
    VALID,
    VALID,
    TRUSTED,
    TRUSTED,
    ['proxy user', 'proxypasswd%'],
    true,
  ],
  // Not in the original: a plain proxy to a TLS server, whose name is the one that is verified.
  ['proxied http -> https (valid hostname + RootCAs)', undefined, VALID, {}, TRUSTED, undefined, true],
  [
    'proxied http -> https (invalid hostname + hostname verification)',
    undefined,
    STRANGER,
    {},
    TRUSTED,
    undefined,
    false,
  ],
  [
    'proxied https (valid) -> https (invalid hostname + hostname verification)',
    VALID,
    STRANGER,
    TRUSTED,
    TRUSTED,
    undefined,
    false,
  ],
  ['proxied https, whose CA only the server is trusted by', VALID, VALID, {}, TRUSTED, undefined, false],
] as const;

for (const wire of WIRES) {
  describe(`TestRoundTripAndNewConnection over ${wire}`, () => {
    for (const [row, proxyCertificate, certificate, proxyTls, tls, credentials, works] of HTTP_ROWS) {
      it(row, async (t) => {
        const server = await startEchoServer(t, certificate);
        const proxy = await httpProxy(t, server, {
          ...(proxyCertificate === undefined ? {} : { tls: proxyCertificate }),
          ...(credentials === undefined ? {} : { credentials: credentials.join(':') }),
        });
        const userinfo = credentials === undefined ? '' : `${credentials.map(encodeURIComponent).join(':')}@`;
        const request = {
          url: `http${certificate === undefined ? '' : 's'}://localhost:${server.port}/`,
          tls,
          proxy: `http${proxyCertificate === undefined ? '' : 's'}://${userinfo}localhost:${proxy.port}`,
          proxyTls,
        };
        if (works) {
          await checkEcho(wire, request);
          assert.equal(proxy.requests.length, 1);
          assert.match(String(proxy.requests[0]), new RegExp(`^CONNECT localhost:${server.port} HTTP/1\\.1\\r\\n`));
          assert.match(String(proxy.requests[0]), new RegExp(`\\r\\nHost: localhost:${server.port}\\r\\n`));
          assert.equal(/proxy-authorization/i.test(String(proxy.requests[0])), credentials !== undefined);
          assert.deepEqual(server.hosts, [`localhost:${server.port}`]);
        } else {
          const error = await failureOf(wire, request);
          // Whose certificate it is decides on whose fault it is.
          const ofProxy = proxyCertificate === STRANGER || (proxyCertificate === VALID && proxyTls !== TRUSTED);
          assert.equal(error['code'], ofProxy ? 'ERR_PROXY' : 'ERR_CONNECTION_LOST', String(error));
          assert.deepEqual(server.hosts, []);
          await proxy.idle();
        }
      });
    }

    it('credentials with an at sign and a colon, escaped in the address', async (t) => {
      const server = await startEchoServer(t);
      const proxy = await httpProxy(t, server, { credentials: 'proxy@user:p:ss' });
      const url = `http://127.0.0.1:${server.port}/`;
      await checkEcho(wire, { url, proxy: `http://proxy%40user:p%3Ass@127.0.0.1:${proxy.port}` });
    });
  });

  describe(`TestRoundTripSocks5AndNewConnection over ${wire}`, () => {
    const good = ['proxyuser', 'proxypasswd'] as const;
    for (const [row, certificate, tls, wanted, given, works] of [
      ['proxied without auth -> http', undefined, {}, undefined, undefined, true],
      ['proxied with invalid auth -> http', undefined, {}, good, ['invalid', 'auth'], false],
      ['proxied with valid auth -> http', undefined, {}, good, good, true],
      [
        'proxied with valid auth -> https (invalid hostname + InsecureSkipVerify)',
        STRANGER,
        INSECURE,
        good,
        good,
        true,
      ],
      [
        'proxied with valid auth -> https (invalid hostname + hostname verification)',
        STRANGER,
        TRUSTED,
        good,
        good,
        false,
      ],
      ['proxied with valid auth -> https (valid hostname + RootCAs)', VALID, TRUSTED, good, good, true],
      ['proxied with auth that nobody asked for -> http', undefined, {}, undefined, good, true],
      ['proxied without the auth that is wanted -> http', undefined, {}, good, undefined, false],
      ['proxied with auth that percent escapes -> http', undefined, {}, ['ü@:', 'p%:'], ['ü@:', 'p%:'], true],
    ] as const) {
      it(row, async (t) => {
        const server = await startEchoServer(t, certificate);
        const proxy = await socksProxy(t, server, wanted === undefined ? {} : { credentials: wanted.join(':') });
        const userinfo = given === undefined ? '' : `${given.map(encodeURIComponent).join(':')}@`;
        const request = {
          url: `http${certificate === undefined ? '' : 's'}://localhost:${server.port}/`,
          tls,
          proxy: `socks5://${userinfo}127.0.0.1:${proxy.port}`,
        };
        if (works) {
          await checkEcho(wire, request);
          const port = server.port.toString(16).padStart(4, '0');
          assert.deepEqual(proxy.requests, [`0501000309${Buffer.from('localhost').toString('hex')}${port}`]);
        } else {
          const error = await failureOf(wire, request);
          const byServer = certificate === STRANGER;
          assert.equal(error['code'], byServer ? 'ERR_CONNECTION_LOST' : 'ERR_PROXY', String(error));
          assert.doesNotMatch(error.message, /proxyuser|proxypasswd|invalid:|auth@/);
          await proxy.idle();
        }
      });
    }
  });
}

describe('TestRoundTripConstuctor and TestRoundTripPassesContextToDialer', () => {
  const dial = (request: Parameters<SpdyRoundTripper['dial']>[0]): Promise<unknown> =>
    new SpdyRoundTripper().dial(request);

  it('a dialer and a proxy exclude each other, and the dialer is not called', async () => {
    const dialer = (): Promise<never> => Promise.reject(new Error('dialled'));
    const request = { url: 'http://a/', dialer, proxy: 'http://proxy' };
    await assert.rejects(dial(request), { code: 'ERR_INVALID_ARGUMENT' });
  });

  it('a dialer goes with a proxy function that names none', async () => {
    const dialer = (): Promise<never> => Promise.reject(new Error('dialled'));
    await assert.rejects(dial({ url: 'http://a/', dialer, proxy: () => undefined }), /dialled/);
  });

  it('a signal that aborted already: the proxy is not dialled', async (t) => {
    const proxy = await httpProxy(t, { port: 1 });
    const reason = new Error('no');
    const request = { url: 'http://127.0.0.1:1233/', proxy: `http://127.0.0.1:${proxy.port}` };
    await assert.rejects(dial({ ...request, signal: AbortSignal.abort(reason) }), reason);
    assert.equal(proxy.requests.length, 0);
  });
});
