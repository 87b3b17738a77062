// The browser build with real WebSockets, against our server over TCP: the class of `ws`, and that of Node where it has one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connectWebSocket, UpgradeFailureError, type WebSocketConstructor } from '../../../src/browser/index.js';
import { seededRandom } from '../../../src/testing/random.js';
import { WebSocketResponseUpgrader } from '../../../src/websocket/index.js';
import { readAll } from './support.js';

const classes: [string, WebSocketConstructor][] = [['of ws', WebSocket]];
const { WebSocket: native } = globalThis as { readonly WebSocket?: WebSocketConstructor };
if (native !== undefined) classes.push(['of Node', native]);

for (const [name, webSocket] of classes) {
  test(
    `20 streams at once through the WebSocket ${name}, with writes of random sizes`,
    { timeout: 30_000 },
    async () => {
      const upgrader = new WebSocketResponseUpgrader({ pingPeriod: 0 });
      const server = createServer();
      server.on('upgrade', (req, socket, head) => {
        upgrader.upgradeResponse(req, socket, head, (stream) => void stream.pipe(stream));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const connection = await connectWebSocket(url, { webSocket, pingPeriod: 0 });
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const random = seededRandom(index);
          const chunks = Array.from({ length: 40 }, () =>
            new Uint8Array(Math.floor(random() ** 3 * 50_000)).fill(random() * 256),
          );
          const { readable, writable } = await connection.createStream({ index: String(index) });
          const writer = writable.getWriter();
          const write = async (): Promise<void> => {
            for (const chunk of chunks) await writer.write(chunk);
            await writer.close();
          };
          const [back] = await Promise.all([readAll(readable), write()]);
          assert.ok(back.equals(Buffer.concat(chunks)), `stream ${index}`);
        }),
      );
      assert.equal(connection.streams.size, 0);
      await connection.close();
      assert.deepEqual(await connection.closed, { kind: 'closed', initiator: 'local' });
      server.close();
      await assert.rejects(connectWebSocket(url, { webSocket }), UpgradeFailureError);
    },
  );
}
