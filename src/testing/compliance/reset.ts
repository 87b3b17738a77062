import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResetReason } from '../../errors/index.js';
import { Acceptor, ids, readAll, rejection, streamError, turns, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

/** A reset ends both directions, and a loss of the connection all of them. */
export function resetCases(factory: ComplianceFactory, resetReasons: boolean): void {
  describe('reset and loss', () => {
    it('the opener resets: both ends fail, with who did it and why', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.resume();
        stream.reset('internal-error');
        checkReset(await streamError(stream), 'local', 'internal-error');
        checkReset(await streamError(incoming), 'remote', resetReasons ? 'internal-error' : 'cancel');
        assert.deepEqual([...ids(client), ...ids(server)], []);
      });
    });

    it('the acceptor resets', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        stream.resume();
        (await acceptor.stream()).reset();
        checkReset(await streamError(stream), 'remote', 'cancel');
        assert.deepEqual([...ids(client), ...ids(server)], []);
      });
    });

    it('a second reset, and one after the end, do nothing', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        stream.reset();
        stream.reset('internal-error');
        checkReset(await streamError(stream), 'local', 'cancel');
        const done = await client.createStream({});
        done.end();
        await readAll(done);
        await until(() => done.destroyed);
        done.reset();
        assert.equal(done.errored, null);
        await client.ping();
      });
    });

    it('delivers what had arrived before it fails', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        stream.write('delivered');
        await until(() => incoming.readableLength === 9);
        stream.reset();
        await client.ping();
        const chunks: string[] = [];
        const error = await rejection(
          (async () => {
            for await (const chunk of incoming) chunks.push(String(chunk));
          })(),
        );
        assert.equal(chunks.join(''), 'delivered');
        checkReset(error, 'remote', 'cancel');
      });
    });

    it('a reset after their end delivers bytes and end, then fails', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        stream.end('all of it');
        await until(() => incoming.readableLength === 9);
        stream.reset();
        await client.ping();
        const events: string[] = [];
        incoming.on('data', (chunk: Buffer) => events.push(chunk.toString()));
        incoming.on('end', () => events.push('end'));
        checkReset(await streamError(incoming), 'remote', 'cancel');
        assert.equal(events.join(''), 'all of itend');
      });
    });

    it('a writer that does not read hears of the reset', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.write('never read');
        await until(() => stream.readableLength === 10);
        incoming.reset();
        await client.ping();
        stream.write('x');
        checkReset(await streamError(stream), 'remote', 'cancel');
      });
    });

    it('leaving a for await early resets the stream', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.write('one');
        for await (const chunk of stream) {
          assert.equal(String(chunk)[0], 'o');
          break;
        }
        incoming.resume();
        checkReset(await streamError(incoming), 'remote', 'cancel');
        assert.equal(stream.destroyed, true);
      });
    });

    it('destroying a stream resets it, and others go on', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.resume();
        stream.destroy(new Error('mine'));
        checkReset(await streamError(incoming), 'remote', 'cancel');
        const other = await client.createStream({});
        (await acceptor.stream(1)).end('fine');
        assert.equal((await readAll(other)).toString(), 'fine');
      });
    });

    it('bytes under way to a reset stream are dropped without harm', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        for (let i = 0; i < 50; i++) incoming.write(Buffer.alloc(1000));
        stream.reset();
        await client.ping();
        await server.ping();
        assert.deepEqual([...ids(client), ...ids(server)], []);
      });
    });

    it('a lost connection fails every stream, none of them ends', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server, cut }) => {
        const streams = [await client.createStream({}), client.openStream({}), client.openStream({})];
        await until(() => acceptor.streams.length === 3);
        const ends: unknown[] = [];
        for (const stream of [...streams, ...acceptor.streams]) {
          stream.on('end', () => ends.push(stream.id));
          stream.resume();
        }
        const ping = rejection(client.ping());
        cut();
        for (const stream of [...streams, ...acceptor.streams]) {
          const error = await streamError(stream);
          assert.ok(error !== undefined && 'code' in error && error.code === 'ERR_CONNECTION_LOST', String(error));
        }
        const pingError = await ping;
        assert.ok(pingError instanceof Error && 'code' in pingError && pingError.code === 'ERR_CONNECTION_LOST');
        assert.deepEqual(ends, []);
        for (const connection of [client, server]) {
          const { kind } = await connection.closed;
          assert.ok(kind === 'lost' || kind === 'ended', kind);
          assert.equal(connection.streams.size, 0);
        }
      });
    });

    it('what had arrived is delivered after the connection was lost', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server, cut }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        stream.write('saved');
        await until(() => incoming.readableLength === 5);
        cut();
        await server.closed;
        await turns();
        const chunks: string[] = [];
        const error = await rejection(
          (async () => {
            for await (const chunk of incoming) chunks.push(String(chunk));
          })(),
        );
        assert.equal(chunks.join(''), 'saved');
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_CONNECTION_LOST');
      });
    });

    it('a write that is under way when its stream is lost is called back with the error', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, cut }) => {
        const streams = [await client.createStream({}), await client.createStream({})];
        const results = streams.map(
          async (stream) =>
            await new Promise<unknown>((resolve) => {
              stream.write(Buffer.alloc(8 * 1024 * 1024), resolve);
            }),
        );
        streams[0]?.reset();
        const error = await results[0];
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_RESET', String(error));
        cut();
        assert.ok((await results[1]) instanceof Error);
      });
    });

    it('a stream that nobody listens to fails in silence', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, cut }) => {
        client.openStream({});
        await acceptor.stream();
        cut();
        await client.closed;
        await turns();
      });
    });
  });
}

function checkReset(error: unknown, initiator: 'local' | 'remote', reason: ResetReason): void {
  assert.ok(error instanceof Error && 'code' in error, String(error));
  assert.equal(error.code, 'ERR_STREAM_RESET');
  assert.equal('initiator' in error && error.initiator, initiator);
  assert.equal('reason' in error && error.reason, reason);
}
