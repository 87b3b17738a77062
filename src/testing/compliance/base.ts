import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../errors/index.js';
import { Acceptor, ids, readAll, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

/** Streams carry bytes and headers, in both directions. */
export function baseCases(factory: ComplianceFactory): void {
  describe('base', () => {
    it('echoes every byte', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        const sent = randomBytes(100_000);
        stream.end(sent);
        assert.deepEqual(await readAll(stream), sent);
      });
    });

    it('carries many writes of all sizes in order', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        const sent = [0, 1, 7, 8, 9, 1023, 1024, 1025, 16_384, 70_000].map((size) => randomBytes(size));
        for (const chunk of sent) stream.write(chunk);
        stream.end();
        assert.deepEqual(await readAll(stream), Buffer.concat(sent));
      });
    });

    it('carries headers, multi-valued and without regard to case', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const headers = [
          ['streamType', 'error'],
          ['Port', '80'],
          ['port', '81'],
          ['x-utf8', 'grün €'],
          ['x-empty', ''],
        ] as const;
        const ours = await client.createStream(headers);
        const theirs = await acceptor.stream();
        for (const stream of [ours, theirs]) {
          assert.equal(stream.headers.get('STREAMTYPE'), 'error');
          assert.deepEqual(stream.headers.getAll('port'), ['80', '81']);
          assert.equal(stream.headers.get('X-Utf8'), 'grün €');
          assert.equal(stream.headers.get('x-empty'), '');
          assert.equal(stream.headers.has('absent'), false);
        }
      });
    });

    it('takes streams without headers', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        await client.createStream({});
        assert.equal((await acceptor.stream()).headers.size, 0);
      });
    });

    it('refuses headers outside the grammar before anything is sent', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        for (const value of ['a\r', 'a\nb', '\0']) {
          assert.throws(() => client.openStream({ name: value }), InvalidArgumentError);
        }
        assert.throws(() => client.openStream({ 'na me': 'value' }), InvalidArgumentError);
        await assert.rejects(client.createStream({ '': 'value' }), InvalidArgumentError);
        assert.deepEqual(ids(client), []);
        await client.createStream({ name: 'good' });
        assert.equal(acceptor.streams.length, 1);
      });
    });

    it('lets both ends open streams, with ids of their own parity', async () => {
      const atServer = new Acceptor();
      const atClient = new Acceptor();
      const handlers = { serverHandler: atServer.handler, clientHandler: atClient.handler };
      await withPair(factory, handlers, async ({ client, server }) => {
        const opened = await Promise.all([
          client.createStream({}),
          client.createStream({}),
          server.createStream({}),
          server.createStream({}),
        ]);
        assert.deepEqual(
          opened.map(({ id }) => id),
          [1, 3, 2, 4],
        );
        assert.deepEqual(
          atServer.streams.map(({ id }) => id),
          [1, 3],
        );
        assert.deepEqual(
          atClient.streams.map(({ id }) => id),
          [2, 4],
        );
        assert.deepEqual(new Set(ids(client)), new Set([1, 2, 3, 4]));
        assert.deepEqual(new Set(ids(server)), new Set([1, 2, 3, 4]));
        opened[2]?.end('to the client');
        const theirs = await atClient.stream();
        theirs.end();
        assert.equal((await readAll(theirs)).toString(), 'to the client');
      });
    });

    it('refuses streams that the server opens when the client has no handler', async () => {
      await withPair(factory, {}, async ({ server }) => {
        await assert.rejects(server.createStream({}), { code: 'ERR_STREAM_RESET', initiator: 'remote' });
        assert.deepEqual(ids(server), []);
      });
    });

    it('keeps streams apart', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const sent = Array.from({ length: 10 }, (_, index) => Buffer.alloc(20_000, index));
        const received = await Promise.all(
          sent.map(async (bytes) => {
            const stream = await client.createStream({});
            stream.end(bytes);
            return await readAll(stream);
          }),
        );
        assert.deepEqual(received, sent);
      });
    });

    it('openStream returns at once and its writes arrive', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = client.openStream({ name: 'early' });
        assert.equal(stream.id, 1);
        stream.end('early bytes');
        assert.equal((await readAll(await acceptor.stream())).toString(), 'early bytes');
        await stream.accepted;
      });
    });

    it('forgets streams that ended both ways', async () => {
      await withPair(factory, {}, async ({ client, server }) => {
        const stream = await client.createStream({});
        assert.deepEqual(ids(client), [1]);
        stream.end('x');
        await readAll(stream);
        await until(() => client.streams.size === 0 && server.streams.size === 0);
      });
    });

    it('measures a ping in both directions, beside open streams', async () => {
      await withPair(factory, {}, async ({ client, server }) => {
        await client.createStream({});
        assert.ok((await client.ping()) >= 0);
        assert.ok((await server.ping()) >= 0);
        assert.equal((await Promise.all(Array.from({ length: 50 }, async () => await client.ping()))).length, 50);
      });
    });

    it('abandons a ping when its signal aborts', async () => {
      await withPair(factory, {}, async ({ client, vanish }) => {
        const reason = new Error('enough');
        await assert.rejects(client.ping({ signal: AbortSignal.abort(reason) }), reason);
        vanish();
        const controller = new AbortController();
        const ping = client.ping({ signal: controller.signal });
        controller.abort(reason);
        await assert.rejects(ping, reason);
      });
    });
  });
}
