import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { portForwardHandler } from '../../src/portforward/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';
import { FrameFactory } from '../support/frames.js';
import { connectTo, requestHead } from './portforward-support.js';

const PIECE = Buffer.alloc(64 * 1024);
const CONNECTIONS = 100;
const MEBIBYTE = 1024 * 1024;

// reliability.md, row 10: a client that does not read must not make us hold what its pods send.
describe('security: a port-forward client that does not read', () => {
  it('what is taken from the pods is bounded, and all of them go when it goes', { timeout: 20_000 }, async () => {
    let taken = 0;
    const pods: Duplex[] = [];
    const dial = (): Duplex => {
      const pod = new Duplex({
        read() {
          taken += PIECE.length;
          setImmediate(() => this.push(PIECE));
        },
        write: (_chunk, _encoding, callback) => callback(),
      });
      pods.push(pod);
      return pod;
    };
    await using server = await listen(portForwardHandler(dial));
    const attacker = connectTo(server.url);
    attacker.write(requestHead(server.url, 'spdy'));
    const factory = new FrameFactory();
    for (let index = 0; index < CONNECTIONS; index++) {
      const headers: [string, string][] = [
        ['port', '80'],
        ['requestid', String(index)],
      ];
      attacker.write(factory.synStream(4 * index + 1, [...headers, ['streamtype', 'error']]));
      attacker.write(factory.synStream(4 * index + 3, [...headers, ['streamtype', 'data']]));
    }
    await until(() => pods.length === CONNECTIONS);
    let before = -1;
    while (before !== taken) {
      before = taken;
      await sleep(100);
    }
    // Half a mebibyte for each connection, and what is on its way to the client, the kernel's share included.
    assert.ok(taken < (CONNECTIONS / 2 + 16) * MEBIBYTE, `${Math.round(taken / MEBIBYTE)} MiB`);
    attacker.destroy();
    await until(() => pods.every((pod) => pod.destroyed) && server.sockets.size === 0);
  });
});
