import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { portForwardHandler, type DialPort, type PortForwardHandlerOptions } from '../../src/portforward/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';
import { FrameFactory, rst } from '../support/frames.js';
import { connectTo, requestHead } from './portforward-support.js';

/** Sends `count` connections, each reset as soon as it is asked for; resolves when the server has cut the attacker off. */
async function attack(dial: DialPort, count: number, options: PortForwardHandlerOptions = {}): Promise<void> {
  await using server = await listen(portForwardHandler(dial, options));
  const attacker = connectTo(server.url);
  attacker.write(requestHead(server.url, 'spdy'));
  attacker.resume();
  const factory = new FrameFactory();
  const frames: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const headers = (type: string): [string, string][] => [
      ['port', '80'],
      ['requestid', String(index)],
      ['streamtype', type],
    ];
    const [error, data] = [4 * index + 1, 4 * index + 3];
    frames.push(
      factory.synStream(error, headers('error')),
      factory.synStream(data, headers('data')),
      rst(data),
      rst(error),
    );
  }
  attacker.write(Buffer.concat(frames));
  await new Promise((resolve) => attacker.once('close', resolve));
  await until(() => server.sockets.size === 0);
}

// reliability.md, row 1: what is opened and reset at once must not cost us more than it costs the peer.
describe('security: port-forward, connections that are reset as soon as they are asked for', () => {
  it('cut the client off after so many, and leave no connection to the pod', { timeout: 20_000 }, async () => {
    const pods: PassThrough[] = [];
    await attack(() => {
      const pod = new PassThrough();
      pods.push(pod);
      return pod;
    }, 20_000);
    assert.ok(pods.length <= 1_100, `${pods.length} connections were made`);
    await until(() => pods.every((pod) => pod.destroyed));
  });

  it('dials that are given up and go on count all the same', { timeout: 20_000 }, async () => {
    let running = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    // An application that does not look at the signal.
    const dial: DialPort = async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => finish.push(resolve));
      running--;
      return new PassThrough();
    };
    await attack(dial, 5_000, { maxConnections: 10 });
    assert.ok(most <= 10, `${most} dials at once`);
    for (const done of finish) done();
    await until(() => running === 0);
  });
});
