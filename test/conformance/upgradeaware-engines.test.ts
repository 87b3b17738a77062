import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Connection, NewStreamHandler, ResponseUpgrader, Stream, UpgradeRoundTripper } from '../../src/index.js';
import { UpgradeAwareProxy } from '../../src/proxy/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { WebSocketResponseUpgrader, WebSocketRoundTripper } from '../../src/websocket/index.js';
import { YamuxResponseUpgrader, YamuxRoundTripper } from '../../src/yamux/index.js';
import { serve, until } from '../support/proxy.js';

// Every engine of ours, through the proxy: streams from both ends, half-close, a reset, and the end of the connection.

interface Engine {
  readonly upgrader: ResponseUpgrader;
  readonly tripper: (handler: NewStreamHandler) => UpgradeRoundTripper;
  readonly headers: Readonly<Record<string, string>>;
}

const webSocket = (protocol: 'yamux-headers.v1' | 'yamux' | 'spdy.3.1'): Engine => ({
  upgrader: new WebSocketResponseUpgrader(),
  tripper: (newStreamHandler) => new WebSocketRoundTripper({ protocols: [protocol], newStreamHandler }),
  headers: protocol === 'yamux' ? {} : { name: 'x' },
});
const ENGINES: Readonly<Record<string, Engine>> = {
  'SPDY/3.1': {
    upgrader: new SpdyResponseUpgrader(),
    tripper: (newStreamHandler) => new SpdyRoundTripper({ newStreamHandler }),
    headers: { name: 'x' },
  },
  'yamux-headers/1': {
    upgrader: new YamuxResponseUpgrader(),
    tripper: (newStreamHandler) => new YamuxRoundTripper({ newStreamHandler }),
    headers: { name: 'x' },
  },
  yamux: {
    upgrader: new YamuxResponseUpgrader(),
    tripper: (newStreamHandler) => new YamuxRoundTripper({ headers: false, newStreamHandler }),
    headers: {},
  },
  'yamux with headers in WebSocket': webSocket('yamux-headers.v1'),
  'yamux in WebSocket': webSocket('yamux'),
  'SPDY in WebSocket': webSocket('spdy.3.1'),
};

const echo: NewStreamHandler = (stream) => {
  stream.on('error', () => {}).pipe(stream);
};

async function roundTrip(stream: Stream, data: Buffer): Promise<Buffer> {
  stream.end(data);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

for (const [name, { upgrader, tripper, headers }] of Object.entries(ENGINES)) {
  describe(name, () => {
    it('works through the proxy', async (t) => {
      const connections: (Connection | undefined)[] = [];
      const backend = await serve(t, {
        handleUpgrade: (req, socket, head) => connections.push(upgrader.upgradeResponse(req, socket, head, echo)),
      });
      const proxy = await serve(t, new UpgradeAwareProxy({ target: backend.url, useRequestLocation: true }));
      const { connection } = await tripper(echo).dial({ url: `${proxy.url}/streams` });
      const [server] = connections;
      assert.ok(server);
      const data = randomBytes(300_000);
      const opened = [connection, connection, server, server].map((end) => end.createStream(headers));
      const streams = await Promise.all(opened);
      for (const back of await Promise.all(streams.map((stream) => roundTrip(stream, data)))) {
        assert.ok(back.equals(data));
      }
      const reset = await connection.createStream(headers);
      const failed = new Promise((resolve) => reset.once('error', resolve).once('close', resolve));
      reset.reset();
      await failed;
      await connection.ping();
      await connection.close();
      await server.closed;
      await until(() => proxy.sockets.size === 0 && backend.sockets.size === 0);
    });
  });
}
