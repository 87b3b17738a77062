import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { EventLog, longPollHandler, watchHandler } from '../../src/push/index.js';
import { sseHandler } from '../../src/push/sse/index.js';
import { eventually } from '../support/push-sse.js';

// Row 1, as HTTP/1.1 has it: many requests are sent in a pipeline, of which the first is never answered to its end, and
// the client goes away. The others must not have cost anything that stays.

const MOST = 10;
const PIPELINED = 50;
type Handler = Parameters<typeof createServer>[1] & object;

const HANDLERS: Readonly<Record<string, { path: string; make: (log: EventLog) => Handler }>> = {
  sseHandler: { path: '/?stream=a', make: (log) => sseHandler(log, { maxClients: MOST }) },
  longPollHandler: { path: '/v2/keys/a?wait=true', make: (log) => longPollHandler(log, { maxClients: MOST }) },
  watchHandler: { path: '/?watch=true', make: (log) => watchHandler(log, { stream: 'a', maxClients: MOST }) },
};

async function send(port: number, text: string): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** The status of an answer, once its head is there. */
async function statusOf(socket: Socket): Promise<string> {
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString('latin1').slice(0, 'HTTP/1.1 200'.length);
}

for (const [name, { path, make }] of Object.entries(HANDLERS)) {
  describe(`01: ${name}`, { timeout: 30_000 }, () => {
    it('serves one request of a pipeline at a time, and forgets the others with the connection', async () => {
      const log = new EventLog();
      let requests = 0;
      const handler = make(log);
      const server = createServer((req, res) => {
        requests += 1;
        handler(req, res);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      // Each would leave 49 behind, if any.
      for (let round = 1; round <= 2; round += 1) {
        const socket = await send(port, request.repeat(PIPELINED));
        await eventually(() => requests === round * PIPELINED);
        assert.equal(log.subscribers().length, 1);
        socket.destroy();
        await eventually(() => log.subscribers().length === 0);
      }
      const honest = await send(port, request);
      log.publish('b', 'not for it');
      await eventually(() => log.subscribers().length === 1);
      log.publish('a', '1');
      assert.equal(await statusOf(honest), 'HTTP/1.1 200');
      honest.destroy();
      server.close();
      log.close();
      await once(server, 'close');
    });
  });
}

it('01: sseHandler serves a request of a pipeline when its turn comes', { timeout: 30_000 }, async () => {
  const log = new EventLog();
  const events = sseHandler(log);
  const server = createServer((req, res) => {
    if (req.url === '/first') setImmediate(() => res.end('first'));
    else events(req, res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const head = 'HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const socket = await send(port, `GET /first ${head}GET /?stream=a ${head}`);
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString()));
  await eventually(() => log.subscribers().length === 1);
  log.publish('a', 'the event');
  await eventually(() => text.includes('data: the event'));
  assert.ok(text.indexOf('first') < text.indexOf('data: the event'));
  socket.destroy();
  await eventually(() => log.subscribers().length === 0);
  server.close();
  await once(server, 'close');
});
