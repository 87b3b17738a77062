import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler, type RemoteCommandHandlerOptions } from '../../src/remotecommand/index.js';
import { listen } from '../conformance/remotecommand-server.js';

const PAGE = 'https://page.example';
const QUERY = '?command=x&stdout=true';
const WIRES = {
  spdy: 'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n',
  websocket:
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
    'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n',
} as const;

/** Status of the answer to a request, and whether a command was run. */
async function ask(
  wire: keyof typeof WIRES,
  headers: { readonly origin?: string; readonly host?: string },
  options: RemoteCommandHandlerOptions = {},
): Promise<[status: number, ran: boolean]> {
  let ran = false;
  const handler = remoteCommandHandler(() => {
    ran = true;
    return 0;
  }, options);
  await using server = await listen(handler);
  const { port, pathname } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  const origin = headers.origin === undefined ? '' : `Origin: ${headers.origin}\r\n`;
  const host = headers.host ?? `127.0.0.1:${port}`;
  const method = wire === 'spdy' ? 'POST' : 'GET';
  socket.write(
    `${method} ${pathname}${QUERY} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\n${origin}${WIRES[wire]}\r\n`,
  );
  const answer = await new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(String(chunk))));
  socket.destroy();
  return [Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), ran];
}

// reliability.md, row 24: a page of a stranger must not run commands through its visitor's browser.
describe('security: exec asked for by pages', { timeout: 20_000 }, () => {
  for (const wire of ['spdy', 'websocket'] as const) {
    it(`${wire}: a foreign Origin is refused, and nothing runs`, async () => {
      for (const origin of [PAGE, 'null', '', 'http://127.0.0.1:1']) {
        assert.deepEqual(await ask(wire, { origin }), [403, false], JSON.stringify(origin));
      }
      assert.deepEqual(await ask(wire, { origin: 'https://other.example' }, { allowedOrigins: [PAGE] }), [403, false]);
    });

    it(`${wire}: a rebound name is refused`, async () => {
      assert.deepEqual(await ask(wire, { origin: 'http://rebound.example', host: 'rebound.example' }), [403, false]);
      assert.deepEqual(await ask(wire, { host: 'rebound.example' }, { allowedHosts: ['exec.example'] }), [403, false]);
    });

    it(`${wire}: an allowed Origin, and none, are served`, async () => {
      assert.equal((await ask(wire, { origin: PAGE }, { allowedOrigins: [PAGE] }))[0], 101);
      assert.equal((await ask(wire, { origin: PAGE }, { allowedOrigins: 'any' }))[0], 101);
      assert.equal((await ask(wire, {}))[0], 101);
      assert.equal((await ask(wire, { host: 'exec.example' }, { allowedHosts: ['exec.example'] }))[0], 101);
    });
  }

  it('clients that are no browsers notice nothing', async () => {
    await using server = await listen(remoteCommandHandler(() => 0));
    for (const transport of ['spdy', 'websocket'] as const) {
      assert.equal((await exec(server.url, { command: ['x'], transport })).exitCode, 0);
    }
  });
});
