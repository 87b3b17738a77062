import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IncomingStream } from '../../httpstream/index.js';
import { VirtualClock } from '../virtual-clock.js';
import { Acceptor, echo, ids, putOff, readAll, rejection, streamError, turns, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

const REFUSED = { code: 'ERR_STREAM_RESET', initiator: 'remote' } as const;

function acceptAndThrow(stream: IncomingStream): void {
  stream.deferReply();
  stream.accept();
  throw new Error('too late to refuse');
}

/** The rules of NewStreamHandler, and createStream against openStream. */
export function replyCases(factory: ComplianceFactory): void {
  describe('accept, refuse, defer', () => {
    it('accepts when the handler returns', async () => {
      const order: string[] = [];
      const serverHandler = (_stream: IncomingStream, replySent: Promise<void>): void => {
        void replySent.then(() => order.push('reply sent'));
        order.push('handler');
      };
      await withPair(factory, { serverHandler }, async ({ client }) => {
        const stream = await client.createStream({});
        await stream.accepted;
        assert.deepEqual(order, ['handler', 'reply sent']);
      });
    });

    it('refuses when the handler throws, and replySent rejects', async () => {
      let sent: Promise<void> | undefined;
      const serverHandler = (_stream: IncomingStream, replySent: Promise<void>): void => {
        sent = replySent;
        throw new Error('not this one');
      };
      await withPair(factory, { serverHandler }, async ({ client, server }) => {
        await assert.rejects(client.createStream({}), REFUSED);
        assert.deepEqual(ids(client), []);
        assert.deepEqual(ids(server), []);
        assert.ok(sent);
        await assert.rejects(sent, { code: 'ERR_STREAM_RESET', initiator: 'local' });
      });
    });

    it('resets when the handler accepts and then throws', async () => {
      await withPair(factory, { serverHandler: acceptAndThrow }, async ({ client, server }) => {
        const stream = await client.createStream({});
        stream.resume();
        const error = await streamError(stream);
        assert.equal(error !== undefined && 'code' in error && error.code, 'ERR_STREAM_RESET');
        assert.deepEqual(ids(server), []);
      });
    });

    it('accepts at once when the handler returns a promise, and resets when it rejects', async () => {
      let fail!: (error: Error) => void;
      const serverHandler = async (): Promise<void> => await new Promise((_resolve, reject) => (fail = reject));
      await withPair(factory, { serverHandler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        stream.resume();
        assert.equal(stream.destroyed, false);
        fail(new Error('serving failed'));
        const error = await streamError(stream);
        assert.equal(error !== undefined && 'code' in error && error.code, 'ERR_STREAM_RESET');
        await until(() => server.streams.size === 0);
      });
    });

    it('leaves the stream alone when the promise resolves', async () => {
      await withPair(
        factory,
        { serverHandler: async (stream) => echo(stream, stream.accepted) },
        async ({ client }) => {
          const stream = await client.createStream({});
          await turns();
          stream.end('still there');
          assert.equal((await readAll(stream)).toString(), 'still there');
        },
      );
    });

    it('accepts a deferred stream later, with what came meanwhile', async () => {
      const deferred: IncomingStream[] = [];
      const serverHandler = (stream: IncomingStream): void => {
        stream.deferReply();
        deferred.push(stream);
      };
      await withPair(factory, { serverHandler }, async ({ client }) => {
        const stream = client.openStream({});
        stream.end('hello');
        let accepted = false;
        void stream.accepted.then(() => (accepted = true));
        await until(() => deferred.length === 1);
        await client.ping();
        await turns();
        assert.equal(accepted, false);
        const [incoming] = deferred;
        assert.ok(incoming);
        incoming.accept();
        incoming.accept();
        await stream.accepted;
        assert.equal((await readAll(incoming)).toString(), 'hello');
        incoming.refuse();
        incoming.end('bye');
        assert.equal((await readAll(stream)).toString(), 'bye');
      });
    });

    it('refuses a deferred stream later', async () => {
      const deferred: IncomingStream[] = [];
      const serverHandler = (stream: IncomingStream): void => {
        stream.deferReply();
        deferred.push(stream);
      };
      await withPair(factory, { serverHandler }, async ({ client, server }) => {
        const creating = rejection(client.createStream({}));
        await until(() => deferred.length === 1);
        deferred[0]?.refuse('refused');
        deferred[0]?.accept();
        const error = await creating;
        assert.ok(error instanceof Error && 'reason' in error && error.reason === 'refused');
        assert.deepEqual(ids(server), []);
      });
    });

    it('rejects replySent when the peer goes back on a deferred stream', async () => {
      const sent: Promise<void>[] = [];
      const serverHandler = (stream: IncomingStream, replySent: Promise<void>): void => {
        stream.deferReply();
        sent.push(replySent);
      };
      await withPair(factory, { serverHandler }, async ({ client }) => {
        const stream = client.openStream({});
        await until(() => sent.length === 1);
        stream.reset();
        const [replySent] = sent;
        assert.ok(replySent);
        await assert.rejects(replySent, { code: 'ERR_STREAM_RESET', initiator: 'remote', reason: 'cancel' });
      });
    });

    it('refuses deferred streams beyond the backlog, and takes more once there is room', async () => {
      const deferred: IncomingStream[] = [];
      const serverHandler = (stream: IncomingStream): void => {
        stream.deferReply();
        if (!stream.destroyed) deferred.push(stream);
      };
      const server = { limits: { acceptBacklog: 2 } };
      await withPair(factory, { serverHandler, server }, async ({ client }) => {
        const first = client.openStream({});
        const second = client.openStream({});
        await assert.rejects(client.createStream({}), { ...REFUSED, reason: 'refused' });
        assert.equal(deferred.length, 2);
        deferred[0]?.accept();
        await first.accepted;
        const fourth = client.openStream({});
        await until(() => deferred.length === 3);
        deferred[1]?.accept();
        deferred[2]?.accept();
        await Promise.all([second.accepted, fourth.accepted]);
      });
    });

    it('refuses streams beyond maxStreams, until a served one is over', async () => {
      const acceptor = new Acceptor();
      const setup = { serverHandler: acceptor.handler, server: { limits: { maxStreams: 2 } } };
      await withPair(factory, setup, async ({ client, server }) => {
        const first = await client.createStream({});
        await client.createStream({});
        await assert.rejects(client.createStream({}), { ...REFUSED, reason: 'refused' });
        first.end();
        (await acceptor.stream()).end();
        (await acceptor.stream()).resume();
        first.resume();
        await until(() => server.streams.size === 1);
        await client.createStream({});
      });
    });

    it('createStream gives up after createTimeout and the stream is gone', async () => {
      const clock = new VirtualClock();
      await withPair(factory, { serverHandler: putOff, options: { clock } }, async ({ client, server }) => {
        const creating = rejection(client.createStream({}));
        await until(() => server.streams.size === 1);
        clock.advance(29_999);
        await turns();
        assert.equal(client.streams.size, 1);
        clock.advance(1);
        const error = await creating;
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_TIMEOUT');
        assert.equal(client.streams.size, 0);
        await until(() => server.streams.size === 0);
      });
    });

    it('createStream stops when its signal aborts, before and while', async () => {
      await withPair(factory, { serverHandler: putOff }, async ({ client, server }) => {
        const reason = new Error('changed my mind');
        await assert.rejects(client.createStream({}, { signal: AbortSignal.abort(reason) }), reason);
        assert.deepEqual(ids(client), []);
        const controller = new AbortController();
        const creating = rejection(client.createStream({}, { signal: controller.signal }));
        await until(() => server.streams.size === 1);
        controller.abort(reason);
        assert.equal(await creating, reason);
        assert.deepEqual(ids(client), []);
        await until(() => server.streams.size === 0);
      });
    });

    it('a signal that aborts after the stream was created does nothing', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const controller = new AbortController();
        const stream = await client.createStream({}, { signal: controller.signal });
        controller.abort();
        stream.end('ok');
        assert.equal((await readAll(stream)).toString(), 'ok');
      });
    });
  });
}
