import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { report, untilChild } from '../support/child-pod.js';
import { ListedPeers } from '../support/listed-peers.js';
import { Pods, until } from '../support/mesh-pods.js';

const MAIN = fileURLToPath(new URL('../support/mesh-pod-main.js', import.meta.url));
/** As many as it takes to load the modules of a pod. */
const DESCRIPTORS = 256;

describe('F19: a pod that has no descriptors left', () => {
  const skip = process.platform === 'linux' ? false : 'descriptors run out in another way here';

  it('keeps its links, and takes new ones once there are some again', { timeout: 60_000, skip }, async () => {
    await using pods = new Pods();
    const a = await pods.add();
    const pod = spawn(
      '/bin/sh',
      ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$1" "$2"`, process.execPath, MAIN, String(a.port)],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    const crowd: Socket[] = [];
    try {
      const { port } = await untilChild(pod, ({ links, port: open }) => links === 1 && open > 0);
      await until(() => a.links.length === 1);
      for (let i = 0; i < DESCRIPTORS + 100; i++) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        crowd.push(socket);
      }
      // Those that there is room for are held; the others are refused, or wait.
      await untilChild(pod, ({ sockets }) => sockets > DESCRIPTORS / 2);
      await until(() => crowd.some(({ destroyed }) => destroyed));
      const { links } = a.stats();
      a.log.publish('news', 'while there is no room');
      await untilChild(pod, ({ events }) => events.includes('while there is no room'));
      await report(pod, 'from within');
      await until(() => a.log.history('news').some(({ data }) => data === 'from within'));
      assert.deepEqual([links, a.links.length, a.stats().unlinked], [1, 1, 0], 'the link stayed');
      for (const socket of crowd) socket.destroy();
      const finder = new ListedPeers();
      const late = await pods.begin({ finder });
      finder.set(port);
      await late.ready;
      await untilChild(pod, (told) => told.links === 2);
      await until(() => late.mesh.log.history('news').length === 2);
    } finally {
      for (const socket of crowd) socket.destroy();
      pod.kill('SIGKILL');
      await once(pod, 'close');
    }
  });
});
