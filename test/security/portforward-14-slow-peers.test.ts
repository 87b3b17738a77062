import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { portForward, portForwardHandler } from '../../src/portforward/index.js';
import { forwardInMemory, textOf } from '../conformance/portforward-support.js';
import { listen, until } from '../conformance/remotecommand-server.js';

// reliability.md, row 14: whoever begins and does not go on is let go.
describe('security: port-forward peers that begin and do not go on', () => {
  it('half pairs are dropped in time, however many', { timeout: 20_000 }, async () => {
    const { client, clock, open, server } = forwardInMemory(() => new PassThrough(), { creationTimeout: 1_000 });
    const halves = await Promise.all(Array.from({ length: 100 }, (_, id) => open('data', '80', String(id))));
    assert.equal(server.streams.size, 100);
    clock.advance(1_000);
    await Promise.all(halves.map((half) => textOf(half)));
    await until(() => server.streams.size === 0);
    await client.close();
  });

  it('a session without activity ends, and its connections to the pod with it', { timeout: 20_000 }, async () => {
    const pods: PassThrough[] = [];
    const handler = portForwardHandler(
      () => {
        const pod = new PassThrough();
        pods.push(pod);
        return pod;
      },
      { idleTimeout: 50 },
    );
    for (const transport of ['spdy', 'tunnel'] as const) {
      await using server = await listen(handler);
      const options = { transport, addresses: '127.0.0.1', pingPeriod: 10 };
      const forward = await portForward(server.url, ':80', options);
      assert.equal((await forward.closed).kind, 'lost', 'pings are no activity');
      await until(() => server.sockets.size === 0 && pods.every((pod) => pod.destroyed));
    }
  });
});
