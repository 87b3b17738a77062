// reliability.md, row 24: pages of strangers, and names that strangers point here.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dashboard } from '../../src/dashboard/index.js';
import { InvalidArgumentError } from '../../src/errors/index.js';
import { FakeCluster } from '../unit/dashboard/fake-cluster.js';
import { ACTION, WEBSOCKET, World } from '../unit/dashboard/support.js';

const FOREIGN = 'http://evil.example';
const POSTS = ['/publish?stream=demo', '/pods/pod-a/kill', '/pods/pod-a/replace'];
const STREAMS = ['/state', '/events?stream=demo', '/logs/pod-a'];
const UPGRADES = ['/tunnel', '/exec/pod-a?command=sh'];

/** Nobody published, and nobody killed anything. */
function assertUntouched({ cluster }: World): void {
  assert.deepEqual(cluster.actions, []);
  for (const { requests } of cluster.all) {
    assert.deepEqual(
      requests.filter(({ method, url }) => method === 'POST' || url.startsWith('/events')),
      [],
    );
  }
}

describe('24: the dashboard', { timeout: 30_000 }, () => {
  it('refuses actions of other origins, and those without its header', async () => {
    await using world = await World.start(1);
    for (const path of POSTS) {
      for (const headers of [
        {},
        { Origin: FOREIGN },
        { ...ACTION, Origin: FOREIGN },
        { ...ACTION, Origin: 'null' },
        { ...ACTION, Origin: world.dashboard.url.replace('http:', 'https:') },
        { ...ACTION, 'Sec-Fetch-Site': 'cross-site' },
        { ...ACTION, 'Sec-Fetch-Site': 'same-site' },
        // What a form sends.
        { Origin: world.dashboard.url, 'Content-Type': 'application/x-www-form-urlencoded' },
      ]) {
        const { status } = await world.send(path, { method: 'POST', headers, body: 'a=b' });
        assert.equal(status, 403, `${path} ${JSON.stringify(headers)}`);
      }
      const preflight = await world.send(path, {
        method: 'OPTIONS',
        headers: { Origin: FOREIGN, 'Access-Control-Request-Headers': 'trunkline-dashboard' },
      });
      assert.equal(preflight.headers['access-control-allow-origin'], undefined);
      assert.ok(preflight.status >= 400);
    }
    assertUntouched(world);
  });

  it('refuses streams to other sites', async () => {
    await using world = await World.start(1);
    for (const path of STREAMS) {
      for (const headers of [{ Origin: FOREIGN }, { 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'null' }]) {
        const { status, headers: answered } = await world.send(path, { headers });
        assert.equal(status, 403, path);
        assert.equal(answered['access-control-allow-origin'], undefined);
      }
    }
    assertUntouched(world);
  });

  it('refuses names that are not its own, everywhere', async () => {
    await using world = await World.start(1, { allowedHosts: ['dash.test'] });
    const port = new URL(world.dashboard.url).port;
    for (const path of ['/', '/assets/dashboard.js', ...STREAMS]) {
      const { status } = await world.send(path, { headers: { Host: `evil.example:${port}` } });
      assert.equal(status, 403, path);
    }
    for (const path of POSTS) {
      const headers = { ...ACTION, Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` };
      assert.equal((await world.send(path, { method: 'POST', headers })).status, 403, path);
    }
    for (const path of UPGRADES) {
      const headers = { ...WEBSOCKET, Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` };
      assert.equal((await world.send(path, { headers })).status, 403, path);
    }
    assertUntouched(world);
    const named = await world.send('/publish?stream=demo', {
      method: 'POST',
      headers: { ...ACTION, Host: `dash.test:${port}`, Origin: `http://dash.test:${port}` },
      body: 'x',
    });
    assert.equal(named.status, 200);
  });

  it('refuses WebSockets of other origins, and of none', async () => {
    await using world = await World.start(1);
    for (const path of UPGRADES) {
      for (const headers of [
        WEBSOCKET,
        { ...WEBSOCKET, Origin: FOREIGN },
        { ...WEBSOCKET, Origin: 'null' },
        { ...WEBSOCKET, Origin: world.dashboard.url, 'Sec-Fetch-Site': 'cross-site' },
      ]) {
        const { status } = await world.send(path, {
          headers: { ...headers, 'Sec-WebSocket-Protocol': 'yamux-headers.v1, v5.channel.k8s.io' },
        });
        assert.equal(status, 403, `${path} ${JSON.stringify(headers)}`);
      }
      const { status } = await world.send(path, {
        headers: {
          ...WEBSOCKET,
          Origin: world.dashboard.url,
          'Sec-WebSocket-Protocol': 'yamux-headers.v1, v5.channel.k8s.io',
        },
      });
      assert.equal(status, 101, path);
    }
    const { status } = await world.send('/elsewhere', { headers: { ...WEBSOCKET, Origin: world.dashboard.url } });
    assert.equal(status, 404);
  });

  it('lets no page frame it, and no script or style of others into it', async () => {
    await using world = await World.start(1);
    const { headers } = await world.send('/state', { headers: { Origin: FOREIGN } });
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    const { contentSecurityPolicy } = await import('../../src/dashboard/guard.js');
    const policy = contentSecurityPolicy('abc');
    for (const part of [
      "default-src 'none'",
      "script-src 'nonce-abc'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ]) {
      assert.ok(policy.split('; ').includes(part), part);
    }
  });

  it('goes beyond loopback only with the explicit permission', async () => {
    await using cluster = new FakeCluster();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com']) {
      assert.throws(() => new Dashboard({ cluster, port: 0, host }), InvalidArgumentError, host);
    }
    await using _ = new Dashboard({ cluster, port: 0, host: '0.0.0.0', insecureAllowAnyAddress: true });
  });
});
