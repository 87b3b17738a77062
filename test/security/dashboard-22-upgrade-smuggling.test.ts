// reliability.md, row 22: upgrades behind requests that are not answered, and with bodies.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { WEBSOCKET, World } from '../unit/dashboard/support.js';

/** Sends bytes and returns everything that comes until the server ends the connection. */
async function exchange(world: World, bytes: string): Promise<string> {
  const { hostname, port } = new URL(world.dashboard.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write(bytes);
  return await text(socket);
}

function requestText(world: World, path: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const fields = { Host: new URL(world.dashboard.url).host, Origin: world.dashboard.url, ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

const TUNNEL = { ...WEBSOCKET, 'Sec-WebSocket-Protocol': 'yamux-headers.v1' };
const EXEC = { ...WEBSOCKET, 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' };

describe('22: the dashboard', { timeout: 30_000 }, () => {
  for (const [path, headers] of [
    ['/tunnel', TUNNEL],
    ['/exec/pod-a?command=sh', EXEC],
  ] as const) {
    it(`upgrades nothing at ${path} in the middle of an answer`, async () => {
      await using world = await World.start(1);
      const first = requestText(world, '/events?stream=demo', {});
      const got = await exchange(world, first + requestText(world, path, headers));
      assert.ok(!got.includes('101'), got);
    });

    it(`takes no body with an upgrade at ${path}`, async () => {
      await using world = await World.start(1);
      for (const more of [{ 'Content-Length': '4' }, { 'Transfer-Encoding': 'chunked' }]) {
        const got = await exchange(
          world,
          requestText(world, path, { ...headers, ...more, Connection: 'Upgrade' }, '4\r\nx'),
        );
        assert.match(got, /^HTTP\/1\.1 400 /);
      }
    });
  }
});
