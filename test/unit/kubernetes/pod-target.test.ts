import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { StreamHeaders } from '../../../src/httpstream/index.js';
import { podTarget, type KubeConfigLike } from '../../../src/kubernetes/index.js';
import { CLIENT_CERT, CLIENT_KEY } from '../../support/certificates.js';

const CA = Buffer.from('the CA');

function config(user: Record<string, string>, cluster: Record<string, unknown> = {}, namespace?: string): KubeConfig {
  const result = new KubeConfig();
  result.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://h:6443/base', caData: CA.toString('base64'), ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u', ...(namespace === undefined ? {} : { namespace }) }],
    currentContext: 'x',
  });
  return result;
}

test('a KubeConfig of client-node is one for us', () => {
  const same: KubeConfigLike = config({});
  assert.ok(same);
});

test('address and namespace come from the current context', () => {
  const target = podTarget(config({}, {}, 'team'), { pod: 'p' });
  assert.equal(target.server, 'https://h:6443/base');
  assert.equal(target.namespace, 'team');
  assert.equal(podTarget(config({}), { pod: 'p' }).namespace, 'default');
  assert.equal(podTarget(config({}, {}, 'team'), { pod: 'p', namespace: 'other' }).namespace, 'other');
});

test('a token becomes a header, and the CA is trusted', async () => {
  const credentials = await podTarget(config({ token: 'secret' }), { pod: 'p' }).credentials?.();
  assert.equal(new StreamHeaders(credentials?.headers).get('authorization'), 'Bearer secret');
  assert.deepEqual(credentials?.tls?.ca, CA);
});

test('a user name becomes a Basic header', async () => {
  const credentials = await podTarget(config({ username: 'a', password: 'b' }), { pod: 'p' }).credentials?.();
  assert.equal(new StreamHeaders(credentials?.headers).get('authorization'), `Basic ${btoa('a:b')}`);
});

test('client certificates, server name and skipped verification are taken over', async () => {
  // client-node hands a certificate to an agent at once, so it cannot be a made-up one here.
  const stub: KubeConfigLike = {
    getCurrentContext: () => 'x',
    getContextObject: () => null,
    getCurrentCluster: () => ({ server: 'https://h', skipTLSVerify: true, tlsServerName: 'name' }),
    applyToHTTPSOptions(options) {
      Object.assign(options, { cert: 'CERT', key: 'KEY', agent: {}, headers: { A: ['1', '2'], B: 3, C: undefined } });
      return Promise.resolve();
    },
  };
  const credentials = await podTarget(stub, { pod: 'p' }).credentials?.();
  assert.deepEqual(credentials?.tls, { cert: 'CERT', key: 'KEY', rejectUnauthorized: false, servername: 'name' });
  assert.deepEqual(credentials?.headers, { A: ['1', '2'], B: '3' });
});

test('the CA also counts for a context without a user', async () => {
  const anonymous = new KubeConfig();
  anonymous.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://h', caData: CA.toString('base64'), skipTLSVerify: false }],
    users: [],
    contexts: [{ name: 'x', cluster: 'c', user: '' }],
    currentContext: 'x',
  });
  const credentials = await podTarget(anonymous, { pod: 'p' }).credentials?.();
  assert.deepEqual(credentials?.tls?.ca, CA);
});

test('no cluster, and an unusable proxy-url, are refused', () => {
  assert.throws(() => podTarget(new KubeConfig(), { pod: 'p' }), { code: 'ERR_INVALID_ARGUMENT' });
  for (const proxyUrl of ['ftp://user:hunter2@proxy', 'proxy', 'http://user:hunter2@:x']) {
    assert.throws(
      () => podTarget(config({}, { proxyUrl }), { pod: 'p' }),
      (error: Error & { code?: string }) => error.code === 'ERR_INVALID_ARGUMENT' && !error.message.includes('hunter2'),
    );
  }
});

test('the proxy-url is the proxy, unless one or a dialer is given', () => {
  for (const proxyUrl of ['http://proxy:3128', 'https://u:p@proxy', 'socks5://proxy']) {
    const proxied = config({}, { proxyUrl });
    assert.equal(podTarget(proxied, { pod: 'p' }).proxy, proxyUrl);
    assert.equal(podTarget(proxied, { pod: 'p', proxy: 'http://other' }).proxy, 'http://other');
    const dialled = podTarget(proxied, { pod: 'p', dialer: () => Promise.reject(new Error('unused')) });
    assert.ok(dialled.dialer);
    assert.equal(dialled.proxy, undefined);
  }
  assert.equal(podTarget(config({}, {}), { pod: 'p' }).proxy, undefined);
});

test('an https proxy is trusted as the cluster is, and never shown a client certificate', async () => {
  const cluster = { proxyUrl: 'https://proxy', caData: CA.toString('base64'), tlsServerName: 'server' };
  const user = {
    certData: Buffer.from(CLIENT_CERT).toString('base64'),
    keyData: Buffer.from(CLIENT_KEY).toString('base64'),
  };
  const credentials = await podTarget(config(user, cluster), { pod: 'p' }).credentials?.();
  assert.deepEqual(credentials?.proxyTls, { ca: CA });
  assert.ok(credentials?.tls?.cert);
  const given = podTarget(config(user, cluster), { pod: 'p', proxyTls: { ca: 'other' } });
  assert.deepEqual((await given.credentials?.())?.proxyTls, { ca: 'other' });
});
