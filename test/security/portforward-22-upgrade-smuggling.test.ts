import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { portForwardHandler } from '../../src/portforward/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';
import { withServer } from '../unit/apiserver/support.js';
import { connectTo, everything, requestHead } from './portforward-support.js';

const PATH = '/api/v1/namespaces/default/pods/a/portforward';
const SECOND = 'GET /version HTTP/1.1\r\nHost: x\r\n\r\n';

// reliability.md, row 22: what stands behind an upgrade is never served as a request.
describe('security: port-forward, requests behind the upgrade', () => {
  for (const wire of ['spdy', 'tunnel', 'websocket'] as const) {
    it(`${wire}: a second request is no request any more`, { timeout: 10_000 }, async () => {
      let dials = 0;
      const dial = (): PassThrough => {
        dials++;
        return new PassThrough();
      };
      await using server = await listen(portForwardHandler(dial));
      const socket = connectTo(server.url);
      const all = everything(socket);
      socket.write(requestHead(server.url, wire) + SECOND);
      // On SPDY those bytes are the beginning of a frame that never ends.
      socket.once('data', () => setTimeout(() => socket.destroy(), 50));
      const answer = await all;
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer);
      assert.match(answer, /^HTTP\/1\.1 101 /);
      // The port of a channel request is in its query, so that one was asked for in good order.
      assert.equal(dials, wire === 'websocket' ? 1 : 0);
      await until(() => server.sockets.size === 0);
    });

    for (const body of ['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n']) {
      it(`${wire}: a body is refused: ${body.trim()}`, { timeout: 10_000 }, async () => {
        await withServer({}, async ({ url }) => {
          const socket = connectTo(url);
          const all = everything(socket);
          socket.write(`${requestHead(`${url}${PATH}`, wire, body)}hello${SECOND}`);
          const answer = await all;
          assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer);
          assert.match(answer, /^HTTP\/1\.1 400 /);
        });
      });
    }
  }
});
