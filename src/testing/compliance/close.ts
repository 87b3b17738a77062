import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../virtual-clock.js';
import { Acceptor, ids, putOff, readAll, rejection, streamError, turns, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

/** Closing, and what remains: nothing. */
export function closeCases(factory: ComplianceFactory): void {
  describe('close', () => {
    it('closes both ends, each knowing who did it', async () => {
      await withPair(factory, {}, async ({ client, server }) => {
        await client.close();
        assert.deepEqual(await client.closed, { kind: 'closed', initiator: 'local' });
        const { kind, initiator } = await server.closed;
        assert.deepEqual({ kind, initiator }, { kind: 'going-away', initiator: 'remote' });
      });
    });

    it('resets open streams at both ends', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.resume();
        await client.close();
        const ours = await streamError(stream);
        assert.ok(ours && 'initiator' in ours && ours.initiator === 'local', String(ours));
        const theirs = await streamError(incoming);
        assert.ok(theirs && 'code' in theirs && theirs.code === 'ERR_STREAM_RESET', String(theirs));
        await server.closed;
        assert.deepEqual([...ids(client), ...ids(server)], []);
      });
    });

    it('close then reset unblocks a read', async () => {
      await withPair(factory, { serverHandler: () => {} }, async ({ client }) => {
        const stream = await client.createStream({});
        const reading = rejection(readAll(stream));
        const closing = client.close();
        stream.reset();
        assert.ok((await reading) instanceof Error);
        await closing;
      });
    });

    it('can be called twice, by both ends, and by await using', async () => {
      await withPair(factory, {}, async ({ client, server }) => {
        await Promise.all([client.close(), client.close(), server.close(), client[Symbol.asyncDispose]()]);
        await client.close();
      });
    });

    it('settles within closeTimeout when the peer says nothing', async () => {
      const clock = new VirtualClock();
      await withPair(factory, { options: { clock } }, async ({ client, vanish }) => {
        await client.createStream({});
        vanish();
        let closed = false;
        const closing = client.close().then(() => (closed = true));
        await turns();
        clock.advance(2999);
        await turns();
        assert.equal(closed, false);
        clock.advance(1);
        await closing;
      });
    });

    it('refuses new streams and pings afterwards', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const closing = client.close();
        assert.throws(() => client.openStream({}), { code: 'ERR_CONNECTION_LOST' });
        await assert.rejects(client.createStream({}), { code: 'ERR_CONNECTION_LOST' });
        await assert.rejects(client.ping(), { code: 'ERR_CONNECTION_LOST' });
        client.setIdleTimeout(1000);
        client.removeStreams(undefined);
        await closing;
      });
    });

    it('a ping that is under way fails', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const ping = rejection(client.ping());
        await client.close();
        const error = await ping;
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_CONNECTION_LOST');
      });
    });

    it('a stream being created fails', async () => {
      await withPair(factory, { serverHandler: putOff }, async ({ client, server }) => {
        const creating = rejection(client.createStream({}));
        await until(() => server.streams.size === 1);
        await server.close();
        assert.ok((await creating) instanceof Error);
      });
    });

    it('leaves no timer behind', async () => {
      const clock = new VirtualClock();
      await withPair(
        factory,
        { options: { clock, pingPeriod: 1000, idleTimeout: 5000 } },
        async ({ client, server }) => {
          const stream = await client.createStream({});
          stream.write('x');
          await turns();
          await client.close();
          await server.closed;
          assert.equal(clock.pending, 0);
        },
      );
    });
  });

  describe('removeStreams', () => {
    it('forgets streams without resetting them, and tolerates undefined', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const [first, second] = [await client.createStream({}), await client.createStream({})];
        client.removeStreams(undefined, first, undefined, first);
        assert.deepEqual(ids(client), [3]);
        first.end('still works');
        assert.equal((await readAll(await acceptor.stream())).toString(), 'still works');
        client.removeStreams();
        client.removeStreams(second);
        assert.deepEqual(ids(client), []);
      });
    });

    it('ids go on and none is used twice', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const seen: number[] = [];
        for (let i = 0; i < 5; i++) {
          const stream = await client.createStream({});
          seen.push(stream.id);
          stream.reset();
          client.removeStreams(stream);
        }
        assert.deepEqual(seen, [1, 3, 5, 7, 9]);
      });
    });

    it('does not touch a stream of another connection with the same id', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        await withPair(factory, {}, async (other) => {
          const theirs = await other.client.createStream({});
          assert.equal(theirs.id, stream.id);
          client.removeStreams(theirs);
          assert.deepEqual(ids(client), [stream.id]);
        });
      });
    });

    it('a removed stream still ends with its connection', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        client.removeStreams(stream);
        stream.resume();
        await client.close();
        assert.ok(await streamError(stream));
      });
    });
  });
}
