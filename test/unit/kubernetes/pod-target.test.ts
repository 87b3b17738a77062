import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { StreamHeaders } from '../../../src/httpstream/index.js';
import { podTarget, type KubeConfigLike } from '../../../src/kubernetes/index.js';

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

test('no cluster, or a proxy and no dialer, is refused', () => {
  assert.throws(() => podTarget(new KubeConfig(), { pod: 'p' }), { code: 'ERR_INVALID_ARGUMENT' });
  const proxied = config({}, { proxyUrl: 'http://proxy' });
  assert.throws(() => podTarget(proxied, { pod: 'p' }), { code: 'ERR_INVALID_ARGUMENT' });
  assert.ok(podTarget(proxied, { pod: 'p', dialer: () => Promise.reject(new Error('unused')) }).dialer);
});
