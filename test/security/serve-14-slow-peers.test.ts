import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { PodServer } from '../../src/serve/index.js';
import { askPod, startPods } from '../support/serve-pods.js';

// Row 14: clients that send or take next to nothing, at each phase of a request.

async function dial(pod: PodServer, text: string): Promise<Socket> {
  const socket = createConnection(pod.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** All that comes until the end. */
async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

describe('14: slow clients', () => {
  for (const [what, text] of Object.entries({
    'a head that does not end': 'GET /status HTTP/1.1\r\nHost: a\r\nX-Slow: ',
    'a connection without a request': '',
    'a body that does not come': 'POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n',
    'a body that stops': 'POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
  })) {
    it(`${what} is ended by requestTimeout, with others served meanwhile`, { timeout: 20_000 }, async () => {
      await using pods = await startPods(1, { requestTimeout: 200 });
      const [pod] = pods.pods as [PodServer];
      const socket = await dial(pod, text);
      const ended = rest(socket);
      assert.equal((await askPod(`${pod.url}/publish?stream=b`, { body: 'x' })).status, 200);
      const answer = await ended;
      assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*"code":"ERR_BAD_REQUEST"/);
      assert.equal(pod.log.newest('a'), undefined);
    });
  }

  it('event streams may last longer than requests', { timeout: 20_000 }, async () => {
    await using pods = await startPods(1, { requestTimeout: 200 });
    const [pod] = pods.pods as [PodServer];
    const stream = await dial(pod, 'GET /events?stream=a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const other = await dial(pod, '');
    stream.resume();
    // When requests are looked at next, this one is over and the stream is not.
    await rest(other);
    assert.equal(stream.closed, false);
    assert.equal(pod.log.counts().get('a'), 1);
    stream.destroy();
  });

  it('what is no HTTP is answered once, and ended', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    assert.match(
      await rest(await dial(pod, 'NONSENSE\r\n\r\n')),
      /^HTTP\/1\.1 400 Bad Request\r\n[^]*ERR_BAD_REQUEST"}$/,
    );
    const headers = `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
    assert.match(await rest(await dial(pod, headers)), /^HTTP\/1\.1 431 /);
    // Behind an answer it would be taken for a part of it.
    const later = await rest(await dial(pod, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n'));
    assert.equal(later.match(/HTTP\/1\.1/g)?.length, 1);
  });

  it('more connections than there may be are dropped', async () => {
    await using pods = await startPods(1, { maxClients: 2 });
    const [pod] = pods.pods as [PodServer];
    const url = `${pod.url}/events?stream=a`;
    const streams = await Promise.all(
      [1, 2].map(async () => await dial(pod, `GET /events?stream=a HTTP/1.1\r\nHost: a\r\n\r\n`)),
    );
    for (const stream of streams) await once(stream, 'data');
    const third = await askPod(url);
    assert.deepEqual([third.status, third.headers['retry-after']], [503, '5']);
    // Probes are answered still.
    assert.equal((await askPod(`${pod.url}/healthz`)).status, 200);
    for (const stream of streams) stream.destroy();
  });
});
