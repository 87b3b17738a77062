import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { EndpointSlice, Pod } from '../../../src/apiserver/index.js';
import { startCluster, type Cluster, type ClusterOptions, type ClusterPod } from '../../../src/cluster/index.js';
import { exec } from '../../../src/remotecommand/index.js';
import { send } from '../apiserver/support.js';
import { isAlive, until } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';
const SLEEPER: ClusterOptions = { pods: 2, command: ['sleep', '600'], readyTimeout: 0 };
/** Does not care for SIGTERM, so that the test decides when it ends. */
const STUBBORN: ClusterOptions = {
  pods: 2,
  command: ['sh', '-c', "trap '' TERM; echo deaf; while :; do sleep 1; done"],
  readyTimeout: 0,
  stopTimeout: 50,
};

async function withCluster(options: ClusterOptions, test: (cluster: Cluster) => Promise<void>): Promise<void> {
  await using cluster = await startCluster(options);
  await test(cluster);
}

async function podsOf({ apiServer }: Cluster): Promise<readonly Pod[]> {
  return (JSON.parse((await send(`${apiServer}${PODS}`)).text) as { items: Pod[] }).items;
}

async function podOf(cluster: Cluster, { name }: ClusterPod): Promise<Pod | undefined> {
  return (await podsOf(cluster)).find(({ metadata }) => metadata.name === name);
}

/** The first pod, once its shell deals with signals. */
async function deafPod(cluster: Cluster): Promise<ClusterPod> {
  const pod = first(cluster);
  await until(async () => (await send(`${cluster.apiServer}${PODS}/${pod.name}/log`)).text === 'deaf\n');
  return first(cluster);
}

function first({ pods }: Cluster): ClusterPod {
  const [pod] = pods;
  assert.ok(pod !== undefined);
  return pod;
}

const remove = async ({ apiServer }: Cluster, { name }: ClusterPod, query = ''): Promise<Pod> => {
  const { code, text } = await send(`${apiServer}${PODS}/${name}${query}`, { method: 'DELETE' });
  assert.equal(code, 200, text);
  return JSON.parse(text) as Pod;
};

describe('pods that are deleted', { timeout: 60_000 }, () => {
  it('are replaced at once, and go when their processes have', async () => {
    await withCluster(STUBBORN, async (cluster) => {
      const old = await deafPod(cluster);
      const { metadata } = await remove(cluster, old);
      assert.equal(metadata.deletionGracePeriodSeconds, 30);
      assert.ok(Date.parse(metadata.deletionTimestamp ?? '') > Date.parse(metadata.creationTimestamp));
      await until(() => cluster.pods.length === 2);
      assert.ok(
        !cluster.pods.some(({ name, ip, port }) => name === old.name || `${ip}:${port}` === `${old.ip}:${old.port}`),
      );
      // The old one still runs: three processes, three pods.
      assert.ok(isAlive(old.pid ?? 0));
      // Its object comes a moment after the pod that replaces it.
      await until(async () => (await podsOf(cluster)).length === 3);
      assert.ok(isAlive(old.pid ?? 0));
      // Later is not possible, sooner is.
      assert.equal((await remove(cluster, old, '?gracePeriodSeconds=60')).metadata.deletionGracePeriodSeconds, 30);
      const forced = await remove(cluster, old, '?gracePeriodSeconds=0');
      assert.equal(forced.metadata.deletionGracePeriodSeconds, 0);
      await until(async () => (await podOf(cluster, old)) === undefined);
      assert.ok(!isAlive(old.pid ?? 0));
      assert.equal((await podsOf(cluster)).length, 2);
      assert.equal((await send(`${cluster.apiServer}${PODS}/${old.name}`, { method: 'DELETE' })).code, 404);
    });
  });

  it('leave their address to nobody while something of them runs', async () => {
    await withCluster({ ...STUBBORN, pods: 1, podNetwork: 'ports' }, async (cluster) => {
      const seen: string[] = [];
      for (let round = 0; round < 3; round++) {
        const pod = await deafPod(cluster);
        seen.push(`${pod.port}`, `${pod.internalPort}`);
        await remove(cluster, pod);
        await until(() => cluster.pods.length === 1);
      }
      assert.equal(new Set(seen).size, 6);
    });
  });

  it('need not be waited for while they wait to be started again', async () => {
    await withCluster({ pods: 1, command: ['sh', '-c', 'exit 3'] }, async (cluster) => {
      const pod = first(cluster);
      const reason = async (): Promise<string | undefined> =>
        (await podOf(cluster, pod))?.status.containerStatuses?.[0]?.state.waiting?.reason;
      await until(async () => (await reason()) === 'CrashLoopBackOff');
      await remove(cluster, pod);
      await until(async () => (await podOf(cluster, pod)) === undefined);
      await until(() => cluster.pods.length === 1);
      assert.notEqual(first(cluster).name, pod.name);
    });
  });

  it('are ended with the cluster, whatever they were given', async () => {
    const pids: number[] = [];
    await withCluster(STUBBORN, async (cluster) => {
      const pod = await deafPod(cluster);
      pids.push(...cluster.pods.map(({ pid = 0 }) => pid));
      await remove(cluster, pod);
    });
    assert.equal(pids.length, 2);
    assert.ok(!pids.some(isAlive));
  });
});

describe('Cluster', { timeout: 60_000 }, () => {
  it('replaces a pod, with the grace that is given', async () => {
    await withCluster({ ...STUBBORN, gracePeriod: 600_000 }, async (cluster) => {
      const old = await deafPod(cluster);
      const [, other] = cluster.pods;
      const replaced = cluster.replace(old.name, { grace: 10 });
      await assert.rejects(cluster.replace(old.name), { code: 'ERR_INVALID_ARGUMENT' });
      await until(() => cluster.pods.length === 2 && first(cluster).pid !== undefined);
      // It opens no port, and is not ready for a while; the end of its first run is as good.
      await cluster.kill(first(cluster).name);
      const successor = await replaced;
      assert.equal(successor?.name, first(cluster).name);
      assert.notEqual(successor?.name, old.name);
      assert.equal(cluster.pods[1]?.name, other?.name);
      assert.ok(!isAlive(old.pid ?? 0));
      assert.equal(await podOf(cluster, old), undefined);
    });
  });

  it('kills a pod, which starts again at once under the same name and address, however often', async () => {
    await withCluster(SLEEPER, async (cluster) => {
      const { name, ip, port } = first(cluster);
      for (let round = 1; round <= 3; round++) {
        const { pid = 0 } = first(cluster);
        await cluster.kill(name);
        assert.ok(!isAlive(pid));
        await until(() => first(cluster).pid !== undefined && first(cluster).pid !== pid);
        const status = (await podOf(cluster, first(cluster)))?.status.containerStatuses?.[0];
        assert.equal(status?.restartCount, round);
      }
      const again = first(cluster);
      assert.deepEqual([again.name, again.ip, again.port], [name, ip, port]);
      await assert.rejects(cluster.kill('nobody'), { code: 'ERR_INVALID_ARGUMENT' });
      await assert.rejects(cluster.replace(name, { grace: -1 }), { code: 'ERR_INVALID_ARGUMENT' });
      await assert.rejects(cluster.replace(name, { graze: 1 } as object), /is grace meant/);
    });
  });

  it('gives up a replacement when it is closed', async () => {
    await withCluster({ ...STUBBORN, pods: 1, stopTimeout: 10 }, async (cluster) => {
      const replaced = cluster.replace((await deafPod(cluster)).name);
      await cluster.close();
      assert.equal(await replaced, undefined);
    });
  });

  it('tells its pods where the API server is', async () => {
    await withCluster(SLEEPER, async (cluster) => {
      const { kubeconfig } = cluster;
      assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
      const target = { server: cluster.apiServer, pod: first(cluster).name };
      const { stdout } = await exec(target, {
        command: ['sh', '-c', 'cat "$KUBECONFIG"; echo $HOST:$PORT,$INTERNAL_PORT'],
      });
      assert.ok(stdout.includes(`"server": "${cluster.apiServer}"`), stdout);
      const { ip, port, internalPort } = first(cluster);
      assert.ok(stdout.endsWith(`${ip}:${port},${internalPort}\n`), stdout);
      await cluster.close();
      assert.ok(!existsSync(kubeconfig));
    });
  });

  it('asks a program for its readiness as long as it runs, and tells Services', async () => {
    const program = `
      let ready = true;
      process.on('SIGUSR2', () => { ready = !ready; });
      require('node:http').createServer((req, res) => {
        res.writeHead(req.url === '/ready' && ready ? 204 : 503).end();
      }).listen(process.env.PORT, process.env.HOST);`;
    const options = { pods: 1, command: [process.execPath, '-e', program], readinessPath: '/ready' };
    await withCluster(options, async (cluster) => {
      const slices = async (): Promise<readonly EndpointSlice[]> => {
        const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
        return (JSON.parse((await send(cluster.apiServer + path)).text) as { items: EndpointSlice[] }).items;
      };
      const readiness = async (): Promise<string> =>
        (await slices()).map(({ endpoints }) => String(endpoints[0]?.conditions?.ready)).join();
      assert.ok(first(cluster).ready);
      assert.equal(await readiness(), 'true,true');
      await cluster.kill(first(cluster).name, 'SIGUSR2');
      await until(() => !first(cluster).ready);
      // The Service of the mesh lists all pods, and says so by taking them for ready.
      const services = new Map((await slices()).map((slice) => [slice.metadata.generateName, slice]));
      assert.deepEqual(
        ['node-', 'node-mesh-'].map((name) => services.get(name)?.endpoints[0]?.conditions?.ready),
        [false, true],
      );
      await cluster.kill(first(cluster).name, 'SIGUSR2');
      await until(() => first(cluster).ready);
      assert.equal((await podOf(cluster, first(cluster)))?.status.containerStatuses?.[0]?.restartCount, 0);
    });
  });
});
