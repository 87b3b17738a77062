import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/clock/clock.js';
import { silentLogger } from '../../../src/logger/logger.js';
import { PublicServer } from '../../../src/serve/listening.js';

async function dial(server: PublicServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

describe('the public port, when it closes', { timeout: 20_000 }, () => {
  it('waits for answers, and for no connection that has asked for none', async () => {
    const answers: (() => void)[] = [];
    const server = new PublicServer(
      {
        request: (_req, res) => answers.push(() => res.end('answer')),
        upgrade: (_req, socket) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
          socket.resume().once('end', () => socket.end());
        },
      },
      {
        host: '127.0.0.1',
        port: 0,
        requestTimeout: 600_000,
        maxConnections: 10,
        clock: systemClock,
        logger: silentLogger,
      },
    );
    await server.listen();
    // As browsers and undici open them in advance.
    const [unused, asking, upgraded] = [await dial(server), await dial(server), await dial(server)];
    asking.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    upgraded.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await once(upgraded, 'data');
    const gone = once(unused, 'close');
    unused.resume();
    let closed = false;
    const closing = server.close(systemClock.now() + 600_000).then(() => (closed = true));
    await gone;
    assert.equal(answers.length, 1);
    assert.ok(!closed && !asking.closed && !upgraded.closed);
    answers[0]?.();
    const [text] = (await once(asking, 'data')) as [Buffer];
    assert.match(String(text), /^HTTP\/1\.1 200 [^]*answer$/);
    upgraded.end();
    await closing;
  });
});
