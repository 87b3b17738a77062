import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { Pod } from '../../src/apiserver/index.js';
import { connectToPod } from '../../src/cluster/forward.js';
import { LocalPodRuntime } from '../../src/cluster/runtime.js';
import type { LocalPod } from '../../src/cluster/pod.js';
import { VirtualClock } from '../../src/testing/index.js';
import { listenOn } from '../conformance/portforward-support.js';
import { testPod } from '../unit/apiserver/support.js';

const never = new AbortController().signal;

/** A runtime with one pod at `ip`, whose object says what a test makes it say. */
function runtimeAt(ip: string, port: number): { runtime: LocalPodRuntime; object: Pod } {
  const runtime = new LocalPodRuntime(new VirtualClock());
  const object = testPod('a');
  const identity = {
    name: 'a',
    namespace: 'default',
    uid: object.metadata.uid,
    ip,
    port,
    internalPort: 7000,
    directory: '/',
    kubeconfig: '/nowhere',
    clusterId: 'c',
  };
  const pod: Partial<LocalPod> = { identity, main: { over: false } as Partial<LocalPod['main']> as LocalPod['main'] };
  runtime.add(pod as LocalPod);
  return { runtime, object };
}

/** Elsewhere the loopback network has one address. */
const LINUX = { timeout: 10_000, skip: process.platform !== 'linux' && 'needs addresses of 127.0.0.0/8' };

// reliability.md, row 20: what is dialled must not come from data that others can write.
describe('security: port-forward of the embedded cluster reaches the pod and nothing else', () => {
  it('dials the address that the runtime gave out, whatever the Pod object says', LINUX, async () => {
    const accepted: Socket[] = [];
    const victim = createServer((socket) => accepted.push(socket));
    const port = await listenOn(victim, '127.0.0.1');
    const pod = createServer((socket) => void socket.resume().end('pod'));
    pod.listen(port, '127.77.66.55');
    await once(pod, 'listening');
    const { runtime, object } = runtimeAt('127.77.66.55', port);
    for (const podIP of ['127.0.0.1', '169.254.169.254', '::1', 'localhost']) {
      const forged: Pod = { ...object, status: { ...object.status, podIP } };
      const connection = await runtime.portForward(forged, port, never);
      let text = '';
      for await (const chunk of connection) text += String(chunk);
      assert.equal(text, 'pod');
      // Newer Node leaves the other direction open, as it was asked to.
      connection.destroy();
    }
    assert.equal(accepted.length, 0);
    for (const server of [victim, pod]) server.close();
    await Promise.all([once(victim, 'close'), once(pod, 'close')]);
  });

  it('where pods share an address, other ports of it are out of reach', { timeout: 10_000 }, async () => {
    const { runtime, object } = runtimeAt('127.0.0.1', 1);
    const other = createServer((socket) => socket.end('not yours'));
    const port = await listenOn(other);
    await assert.rejects(
      Promise.resolve(runtime.portForward(object, port, never)),
      /this one has the ports 1 and 7000 only/,
    );
    other.close();
    await once(other, 'close');
  });

  it('a pod that is not known is not found, and one that does not run is not dialled', async () => {
    const { runtime, object } = runtimeAt('127.77.66.55', 1);
    const stranger: Pod = { ...object, metadata: { ...object.metadata, uid: 'other' } };
    await assert.rejects(async () => await runtime.portForward(stranger, 1, never), { code: 'ERR_API_STATUS' });
  });

  it('a dial that is given up leaves no socket', { timeout: 10_000 }, async () => {
    const pod = createServer();
    const port = await listenOn(pod);
    const stop = new AbortController();
    const dial = connectToPod({ ip: '127.0.0.1', port, internalPort: port }, port, stop.signal);
    stop.abort();
    await assert.rejects(dial);
    pod.close();
    await once(pod, 'close');
  });
});
