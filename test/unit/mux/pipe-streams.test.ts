import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../../src/spdy/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../../src/yamux/index.js';
import type { Connection, NewStreamHandler } from '../../../src/httpstream/index.js';
import { pipeStreams } from '../../../src/index.js';
import { duplexPair } from '../../../src/testing/index.js';

/** Both ends of a connection whose client, as the agent of a tunnel, joins each incoming stream with what `inner` makes. */
type Tunnel = (newStreamHandler: NewStreamHandler) => readonly [Connection, Connection];

const ENGINES: Readonly<Record<string, Tunnel>> = {
  spdy(newStreamHandler) {
    const [a, b] = duplexPair();
    return [newSpdyServerConnection(a, (stream) => stream.refuse()), newSpdyClientConnection(b, { newStreamHandler })];
  },
  yamux(newStreamHandler) {
    const [a, b] = duplexPair();
    return [
      newYamuxServerConnection(a, (stream) => stream.refuse()),
      newYamuxClientConnection(b, { newStreamHandler }),
    ];
  },
};

async function textOf(stream: Duplex): Promise<string> {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(stream, 'end');
  return text;
}

for (const [engine, tunnel] of Object.entries(ENGINES)) {
  describe(`a tunnel of streams that the ${engine} server opens, joined at both ends`, () => {
    it('carries both directions, and each half-close by itself', async () => {
      const [inner, service] = duplexPair();
      const [server, agent] = tunnel((stream) => pipeStreams(stream, inner));
      const [client, outer] = duplexPair();
      const joined = pipeStreams(outer, server.openStream({ name: 'x' }));
      client.end('question');
      assert.equal(await textOf(service), 'question');
      assert.equal(client.readableEnded, false);
      service.end('answer'.repeat(100_000));
      assert.equal(await textOf(client), 'answer'.repeat(100_000));
      await joined;
      await Promise.all([server.close(), agent.close()]);
    });

    it('resets the client when the service breaks off, and the service when the client does', async () => {
      for (const side of ['service', 'client'] as const) {
        const [inner, service] = duplexPair();
        const [server, agent] = tunnel((stream) => pipeStreams(stream, inner));
        const [client, outer] = duplexPair();
        const joined = pipeStreams(outer, server.openStream({ name: 'x' }));
        const [breaks, told, stream] = side === 'service' ? [service, client, outer] : [client, service, inner];
        for (const end of [service, client]) end.on('error', () => {});
        client.write('half a question');
        await once(service, 'readable');
        breaks.resetConnection();
        await assert.rejects(joined);
        if (!stream.destroyed) await once(stream, 'close');
        // What is told is no orderly end.
        assert.equal(told.readableEnded, false);
        await Promise.all([server.close(), agent.close()]);
      }
    });

    it('breaks off when the connection is lost', async () => {
      const [inner] = duplexPair();
      const [server, agent] = tunnel((stream) => pipeStreams(stream, inner));
      const [client, outer] = duplexPair();
      client.on('error', () => {});
      const joined = pipeStreams(outer, server.openStream({ name: 'x' }));
      await once(inner, 'pipe');
      await agent.close();
      await assert.rejects(joined);
      assert.ok(outer.destroyed);
      await server.close();
    });
  });
}

it('a failure that nobody waits for is not reported as unhandled', async () => {
  const [, a] = duplexPair();
  const [, b] = duplexPair();
  a.on('error', () => {});
  void pipeStreams(a, b);
  a.destroy(new Error('broken'));
  await once(b, 'close');
});
