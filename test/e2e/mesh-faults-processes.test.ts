import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { report, untilChild } from '../support/child-pod.js';
import { Pods, TIMES, until } from '../support/mesh-pods.js';

const MAIN = fileURLToPath(new URL('../support/mesh-pod-main.js', import.meta.url));
const SOON = { ...TIMES, pingPeriod: 300, pingTimeout: 1_000 };

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

describe('A mesh of processes', () => {
  it(
    'F2: drops a pod that is stopped, goes on without it, and takes it back with nothing lost or twice',
    { timeout: 90_000 },
    async () => {
      await using pods = new Pods();
      const [a, b] = [await pods.add({ times: SOON }), await pods.add({ times: SOON })];
      const child = fork(MAIN, [String(a.port), String(b.port)]);
      try {
        await until(() => a.links.length === 2 && b.links.length === 2);
        await untilChild(child, ({ links }) => links === 2);
        child.kill('SIGSTOP');
        const texts = Array.from({ length: 200 }, (_, i) => `event ${i}`);
        for (const text of texts) a.log.publish('news', text);
        await until(() => a.links.length === 1 && b.links.length === 1);
        const { acks } = await a.publish('news', 'without it');
        assert.equal(acks, 2);
        child.kill('SIGCONT');
        await until(() => a.links.length === 2 && b.links.length === 2);
        await untilChild(child, ({ events }) => events.length > 200);
        assert.deepEqual((await report(child)).events, [...texts, 'without it']);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    },
  );

  it('F1: loses a pod in the middle of a broadcast, and nothing else', { timeout: 90_000 }, async () => {
    await using pods = new Pods();
    const [a, b] = [await pods.add({ times: SOON }), await pods.add({ times: SOON })];
    await until(() => a.links.length === 1 && b.links.length === 1);
    await until(() => sockets() <= 2);
    for (let round = 0; round < 3; round++) {
      const child = fork(MAIN, [String(a.port), String(b.port)]);
      await until(() => a.links.length === 2 && b.links.length === 2);
      for (let i = 0; i < 300; i++) a.log.publish('news', 'x'.repeat(5_000));
      child.kill('SIGKILL');
      for (let i = 0; i < 300; i++) a.log.publish('news', 'y'.repeat(500));
      await once(child, 'close');
      await until(() => a.links.length === 1 && b.links.length === 1);
      await until(() => b.log.haveOf(a.log.origin) === a.log.haveOf(a.log.origin));
      // The two ends of the one link between these two.
      await until(() => sockets() <= 2);
    }
    assert.equal(a.stats().unacknowledged, 0);
  });
});
