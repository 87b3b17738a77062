import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { dialChannels } from '../../../src/carrier/websocket/index.js';
import { SpdyRoundTripper } from '../../../src/spdy/index.js';

const HEAD = 'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nno such thi';

/** The status is known, and tells a client that it may try another protocol; waiting for more must not hide it. */
describe('a refusal whose body never ends', () => {
  let server: Server;
  let url: string;

  before(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(HEAD));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(async () => {
    server.close();
    await once(server, 'close');
  });

  const refusal = { code: 'ERR_UPGRADE_FAILURE', statusCode: 404, body: 'no such thi' };

  it('is an upgrade failure with its status, over SPDY', async () => {
    await assert.rejects(new SpdyRoundTripper().dial({ url, timeout: 300 }), refusal);
  });

  it('is an upgrade failure with its status, over WebSocket', async () => {
    const options = { protocols: ['v5.channel.k8s.io'], channels: ['write', 'read'] } as const;
    await assert.rejects(dialChannels({ url, timeout: 300 }, options), refusal);
  });

  it('is abandoned when the caller aborts', async () => {
    const reason = new Error('changed my mind');
    const signal = AbortSignal.timeout(10_000);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    const both = AbortSignal.any([signal, controller.signal]);
    await assert.rejects(new SpdyRoundTripper().dial({ url, signal: both }), reason);
  });
});
