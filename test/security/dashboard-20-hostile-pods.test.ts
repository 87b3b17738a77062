// reliability.md, row 20: requests go where the runtime says that pods are, and pods may answer what they like.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ACTION, WEBSOCKET, World } from '../unit/dashboard/support.js';

describe('20: the dashboard', { timeout: 30_000 }, () => {
  it('asks the address that the runtime gave a pod, whatever its object says', async () => {
    await using world = await World.start(2);
    const object = world.cluster.pods.get('default', 'pod-a') ?? assert.fail();
    world.cluster.pods.put({
      ...object,
      spec: {
        ...object.spec,
        containers: [{ name: 'main', image: 'i', ports: [{ containerPort: 1, protocol: 'TCP' }] }],
      },
      status: { ...object.status, podIP: '192.0.2.1', podIPs: [{ ip: '192.0.2.1' }] },
    });
    const { pods } = await world.state((seen) => seen.snapshot.pods.every(({ report }) => report === 'live'));
    assert.equal(pods[0]?.address, `127.0.0.1:${world.cluster.pod('pod-a').address?.port}`);
    const sending = { method: 'POST', headers: ACTION, body: 'x' };
    assert.equal((await world.send('/publish?stream=demo&pod=pod-a', sending)).status, 200);
  });

  it('takes no address and no path out of what is asked', async () => {
    await using world = await World.start(1);
    const headers = { ...WEBSOCKET, Origin: world.dashboard.url, 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' };
    for (const name of ['nobody', '..', '%2e%2e', 'pod-a%2flog', 'pod-a%00', '@127.0.0.1:1', 'pod-a:1']) {
      assert.equal((await world.send(`/exec/${name}?command=sh`, { headers })).status, 404, name);
      assert.equal((await world.send(`/logs/${name}`)).status, 404, name);
      assert.equal((await world.send(`/pods/${name}/kill`, { method: 'POST', headers: ACTION })).status, 404, name);
    }
    assert.deepEqual(world.cluster.actions, []);
  });

  it('stays well whatever pods answer', async () => {
    await using world = await World.start(4);
    const [a, b, c] = world.cluster.all;
    const huge = `{"origin":"${'x'.repeat(5 * 1024 * 1024)}","links":[]}`;
    if (a !== undefined) a.answer = (_req, res) => Boolean(res.end(huge));
    // It never answers.
    if (b !== undefined) b.answer = () => true;
    if (c !== undefined) {
      c.answer = (_req, res) => {
        const links = Array.from({ length: 5_000 }, () => ({ name: '__proto__', origin: '__proto__', sent: 1e308 }));
        return Boolean(res.end(JSON.stringify({ origin: '__proto__', state: '<b>', links, log: 5, streams: {} })));
      };
    }
    const { pods, links } = await world.state(({ snapshot }) => snapshot.pods[2]?.report === 'live');
    assert.deepEqual(
      pods.map(({ report }) => report),
      ['silent', 'silent', 'live', 'live'],
    );
    // Those to runs that no pod has are not drawn: only the honest pod's link to the one that tells a lie is.
    assert.ok(links.length <= 1, `${links.length} links`);
    assert.deepEqual(world.errors, []);
  });
});
