import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Stream } from '../../../src/httpstream/index.js';
import { duplexPair } from '../../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../../src/yamux/index.js';
import { turns, until } from '../../support/yamux-raw.js';

// What a write callback of the application throws is an uncaught exception, as on any Node stream, but of nobody else's.

for (const [what, first, size] of [
  ['when the socket takes bytes', 0, 5000],
  ['when the peer opens a window', 256 * 1024, 10],
] as const) {
  it(`a write callback that throws ${what} stops no other stream, nor the connection`, async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      const [left, right] = duplexPair();
      const opened: Stream[] = [];
      const server = newYamuxServerConnection(right, (stream) => void opened.push(stream));
      const client = newYamuxClientConnection(left, { limits: { outboundBytes: 1000 } });
      const streams = [await client.createStream({}), await client.createStream({})] as const;
      const thrown = new Error('of the application');
      let written = 0;
      if (first > 0) streams[0].write(Buffer.alloc(first));
      streams[0].write(Buffer.alloc(size), () => {
        throw thrown;
      });
      for (let i = 0; i < 3; i++) streams[1].write(Buffer.alloc(100_000), () => written++);
      await turns();
      for (const stream of opened) stream.resume();
      await until(() => written === 3);
      assert.deepEqual(uncaught, [thrown]);
      assert.ok((await client.ping()) >= 0);
      await Promise.all([client.close(), server.close()]);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
}
