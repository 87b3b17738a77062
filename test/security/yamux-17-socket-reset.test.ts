import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import type { Connection } from '../../src/httpstream/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { YamuxResponseUpgrader, YamuxRoundTripper } from '../../src/yamux/index.js';
import { SYN, data, ping } from '../support/yamux-frames.js';
import { preface } from '../support/yamux-preface.js';
import { turns, until } from './yamux-support.js';

// Row 17: a socket error that nobody listens to ends the process (CVE-2025-59465). That these tests go on is the proof.

const REQUEST = Buffer.from(
  'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: yamux-headers/1\r\nContent-Length: 0\r\n\r\n',
);
const ANSWER = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: yamux-headers/1\r\n\r\n',
);
const REFUSAL = Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\n0123456789');

it('server: the client resets at each byte of its request and of the frames behind it', async () => {
  const first = preface([['a', ['b']]]);
  const frames = Buffer.concat([data(1, first, SYN), data(1, 'hello'), data(3, first, SYN), ping(1)]);
  const script = Buffer.concat([REQUEST, frames]);
  const connections: Connection[] = [];
  const server = createServer();
  let upgraded = 0;
  server.on('upgrade', (req, socket, head) => {
    upgraded++;
    const connection = new YamuxResponseUpgrader().upgradeResponse(
      req,
      socket,
      head,
      (stream) => void stream.pipe(stream),
    );
    if (connection !== undefined) connections.push(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const steps = [];
  for (let cut = 1; cut <= script.length; cut += cut < REQUEST.length - 2 ? 13 : 3) steps.push(cut);
  for (const cut of steps) {
    const socket: Socket = connect(address.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    const before = upgraded;
    socket.write(script.subarray(0, cut));
    if (cut >= REQUEST.length) await until(() => upgraded > before);
    else await turns(2);
    socket.resetAndDestroy();
    await turns(2);
  }
  assert.ok(connections.length > 10);
  for (const connection of connections) {
    const { kind } = await connection.closed;
    assert.ok(kind === 'lost' || kind === 'ended', kind);
    assert.equal(connection.streams.size, 0);
  }
  server.close();
  await once(server, 'close');
});

it('server: the socket is gone before the answer', async () => {
  const server = createServer();
  const closed = new Promise<unknown>((resolve) => {
    server.on('upgrade', (req, socket, head) => {
      socket.destroy(new Error('gone'));
      const refused = new YamuxResponseUpgrader().upgradeResponse(req, socket, head, () => {});
      resolve(refused?.closed);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const socket = connect(address.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(REQUEST);
  assert.ok(await closed);
  socket.destroy();
  server.close();
  await once(server, 'close');
});

for (const [what, script] of [
  ['a 101', ANSWER],
  ['a refusal', REFUSAL],
] as const) {
  it(`client: the server resets at each byte of ${what}`, async () => {
    for (let cut = 0; cut <= script.length; cut += 5) {
      const [ours, theirs] = duplexPair();
      theirs.on('error', () => {});
      ours.on('error', () => {});
      theirs.resume();
      const outcome = new YamuxRoundTripper({ pingPeriod: 0 })
        .dial({ url: 'http://example.test/', dialer: async () => await Promise.resolve(ours) })
        .then(
          async ({ connection }) => (await connection.closed).kind,
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
        );
      if (cut > 0) theirs.write(script.subarray(0, cut));
      await turns(4);
      theirs.resetConnection();
      const result = await outcome;
      assert.ok(
        ['lost', 'ERR_CONNECTION_LOST', 'ERR_UPGRADE_FAILURE', 'ERR_PROTOCOL'].includes(String(result)),
        `${cut}: ${String(result)}`,
      );
    }
  });
}

it('client: frames in the same packet as the 101, then a reset', async () => {
  const [ours, theirs] = duplexPair();
  theirs.on('error', () => {});
  theirs.resume();
  const seen: string[] = [];
  const dialing = new YamuxRoundTripper({
    pingPeriod: 0,
    newStreamHandler: (stream) => void seen.push(stream.headers.get('name') ?? ''),
  }).dial({ url: 'http://example.test/', dialer: async () => await Promise.resolve(ours) });
  theirs.write(Buffer.concat([ANSWER, data(2, preface([['name', ['in the head']]]), SYN)]));
  const { connection } = await dialing;
  await until(() => seen.length === 1);
  assert.deepEqual(seen, ['in the head']);
  theirs.resetConnection();
  assert.equal((await connection.closed).kind, 'lost');
});
