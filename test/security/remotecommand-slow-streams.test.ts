import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { SpdyRoundTripper } from '../../src/spdy/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';

const QUERY = '?command=x&stdin=true&stdout=true&stderr=true';

// reliability.md, row 14: a client that opens a session slowly, or leaves it idle.
describe('security: slow clients of remotecommand', () => {
  it('one that opens too few streams is let go in time', { timeout: 10_000 }, async () => {
    let ran = 0;
    await using server = await listen(remoteCommandHandler(() => void ran++, { creationTimeout: 30 }));
    const clients = Array.from({ length: 20 }, async (_value, count) => {
      const { connection } = await new SpdyRoundTripper().dial({
        url: server.url + QUERY,
        protocols: ['v4.channel.k8s.io'],
      });
      const types = ['error', 'stdin', 'stdout', 'unknown', 'unknown'].slice(0, count % 6);
      // Not createStream: on a busy machine the last of them may come too late to be answered.
      for (const streamType of types) connection.openStream({ streamType });
      return (await connection.closed).initiator;
    });
    assert.deepEqual(new Set(await Promise.all(clients)), new Set(['remote']));
    assert.equal(ran, 0);
    await until(() => server.sockets.size === 0);
  });

  for (const transport of ['spdy', 'websocket'] as const) {
    it(`${transport}: an idle session ends, with the reason in its signal`, { timeout: 10_000 }, async () => {
      let reason: unknown;
      const serve = remoteCommandHandler(
        async ({ closed, signal }) => {
          await closed;
          reason = signal.reason;
        },
        { idleTimeout: 30, drainTimeout: 100 },
      );
      await using server = await listen(serve);
      await assert.rejects(exec(server.url, { command: ['x'], transport }), { code: 'ERR_CONNECTION_LOST' });
      await until(() => reason !== undefined && server.sockets.size === 0);
      assert.equal((reason as { code: string }).code, 'ERR_IDLE_TIMEOUT');
    });
  }

  it('a client that never closes after the result is let go', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(() => 0, { closeTimeout: 30, drainTimeout: 30 }));
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `GET ${new URL(server.url).pathname}${QUERY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n',
    );
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.once('close', resolve));
    await until(() => server.sockets.size === 0);
  });
});
