// Plain yamux inside a WebSocket against Go: hashicorp/yamux over gorilla/websocket, in both roles.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import type { Connection } from '../../src/httpstream/index.js';
import { WebSocketResponseUpgrader, WebSocketRoundTripper } from '../../src/websocket/index.js';
import { buildGoPrograms, runGoOnce, startGoServer } from './support/go-programs.js';
import { digestOf, patternSha256, patternStream } from './support/pattern.js';

const STREAMS = 50;
const BYTES = 2 * 1024 * 1024;

interface ClientOutcome {
  readonly protocol: string;
  readonly extensions: string;
  readonly err: string;
  readonly streams: number;
}

interface ServerOutcome {
  readonly protocol: string;
  readonly closeCode: number;
}

before(buildGoPrograms);

test(`a Go client: ${STREAMS} streams of ${BYTES} bytes at once, one the other way, an orderly end`, async () => {
  const upgrader = new WebSocketResponseUpgrader();
  const connections: Connection[] = [];
  const server = createServer();
  let called: Promise<unknown> | undefined;
  server.on('upgrade', (req, socket, head) => {
    const connection = upgrader.upgradeResponse(req, socket, head, (stream) => void stream.pipe(stream));
    assert.ok(connection !== undefined);
    connections.push(connection);
    called = callBack(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outcome = await runGoOnce<ClientOutcome>('websocketyamux', [
    'client',
    `ws://127.0.0.1:${port}/`,
    String(STREAMS),
    String(BYTES),
  ]);
  assert.deepEqual(outcome, { protocol: 'yamux', extensions: '', err: '', streams: STREAMS });
  await called;
  assert.equal(connections.length, 1);
  for (const connection of connections) {
    const { error, kind } = await connection.closed;
    assert.ok(kind === 'going-away' || kind === 'ended', `${kind} ${String(error)}`);
  }
  server.close();
  await once(server, 'close');
});

test('a Go server: the same from our client, which closes with 1000', async () => {
  const server = await startGoServer<ServerOutcome>('websocketyamux', ['server']);
  const tripper = new WebSocketRoundTripper({ protocols: ['yamux-headers.v1', 'yamux'] });
  const { connection } = await tripper.dial({ url: `http://${server.address}/` });
  await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const stream = connection.openStream({});
      patternStream(BYTES).pipe(stream);
      assert.deepEqual(await digestOf(stream), { bytes: BYTES, sha256: patternSha256(BYTES) });
    }),
  );
  assert.ok((await connection.ping()) >= 0);
  await connection.close();
  assert.equal((await connection.closed).kind, 'closed');
  const ended = await server.running.line((line) => 'closeCode' in line);
  assert.deepEqual(ended, { protocol: 'yamux', closeCode: 1000 });
  await server.stop();
});

/** A stream that our server opens; the client echoes it. */
async function callBack(connection: Connection): Promise<void> {
  const stream = connection.openStream({});
  patternStream(BYTES).pipe(stream);
  assert.deepEqual(await digestOf(stream), { bytes: BYTES, sha256: patternSha256(BYTES) });
}
