import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { portForwardHandler, type PortForwardHandlerOptions } from '../../src/portforward/index.js';
import { listen } from '../conformance/remotecommand-server.js';
import { connectTo, everything, requestHead } from './portforward-support.js';

const PAGE = 'http://127.0.0.1:8080';

/** Status of the answer to a request, and how many connections were made for it. */
async function ask(
  wire: 'spdy' | 'tunnel' | 'websocket',
  origin: string | undefined,
  options: PortForwardHandlerOptions,
): Promise<[number, number]> {
  let dials = 0;
  const dial = (): PassThrough => {
    dials++;
    return new PassThrough();
  };
  await using server = await listen(portForwardHandler(dial, options));
  const socket = connectTo(server.url);
  const all = everything(socket);
  socket.write(requestHead(server.url, wire, origin === undefined ? '' : `Origin: ${origin}\r\n`));
  socket.once('data', () => setTimeout(() => socket.destroy(), 20));
  return [Number(/^HTTP\/1\.1 (\d+)/.exec(await all)?.[1]), dials];
}

// reliability.md, row 24: a page of a stranger must not reach through a server on loopback what the visitor can.
describe('security: port-forward asked for by pages', () => {
  for (const wire of ['spdy', 'tunnel', 'websocket'] as const) {
    const dialled = wire === 'websocket' ? 1 : 0;
    it(`${wire}: an Origin that is not allowed is refused, and nothing is dialled`, { timeout: 10_000 }, async () => {
      for (const origin of [PAGE, 'null', 'https://example.com', '']) {
        assert.deepEqual(await ask(wire, origin, {}), [403, 0], JSON.stringify(origin));
      }
      assert.deepEqual(await ask(wire, 'http://127.0.0.1:8081', { allowedOrigins: [PAGE] }), [403, 0]);
    });

    it(`${wire}: one that is allowed, and none at all, are served`, { timeout: 10_000 }, async () => {
      assert.deepEqual(await ask(wire, undefined, {}), [101, dialled]);
      assert.deepEqual(await ask(wire, PAGE, { allowedOrigins: [PAGE] }), [101, dialled]);
      assert.deepEqual(await ask(wire, PAGE, { allowedOrigins: 'any' }), [101, dialled]);
    });
  }
});
