import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { IncomingStream } from '../../httpstream/index.js';
import { Acceptor, readAll, rejection, turns, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

async function countBytes(stream: IncomingStream): Promise<void> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  stream.end(String(bytes));
}

/** `end()` ends one direction only. */
export function halfCloseCases(factory: ComplianceFactory): void {
  describe('half-close', () => {
    it('an ended stream can still be read', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client, server }) => {
        const stream = await client.createStream({});
        stream.end('request');
        const incoming = await acceptor.stream();
        assert.equal((await readAll(incoming)).toString(), 'request');
        assert.equal(server.streams.size, 1);
        incoming.write('answer, ');
        await turns();
        incoming.end('later');
        assert.equal((await readAll(stream)).toString(), 'answer, later');
        await until(() => client.streams.size === 0 && server.streams.size === 0);
      });
    });

    it('a handler can read all with for await, then answer', async () => {
      await withPair(factory, { serverHandler: countBytes }, async ({ client, server }) => {
        const stream = await client.createStream({});
        stream.end(Buffer.alloc(5000));
        assert.equal((await readAll(stream)).toString(), '5000');
        await until(() => client.streams.size === 0 && server.streams.size === 0);
      });
    });

    it('the acceptor can end first', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        incoming.end();
        stream.resume();
        await once(stream, 'end');
        stream.end('after their end');
        assert.equal((await readAll(incoming)).toString(), 'after their end');
      });
    });

    it('an end without a byte is an end', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        stream.end();
        assert.equal((await readAll(stream)).length, 0);
      });
    });

    it('writing after end() is an error of the caller and harms nobody else', async () => {
      await withPair(factory, {}, async ({ client }) => {
        const stream = await client.createStream({});
        stream.end();
        const error = await new Promise((resolve) => stream.write('late', resolve));
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_WRITE_AFTER_END');
        const other = await client.createStream({});
        other.end('fine');
        assert.equal((await readAll(other)).toString(), 'fine');
      });
    });

    it('unread bytes survive the end', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const sent = Buffer.alloc(800, 'z');
        stream.end(sent);
        const incoming = await acceptor.stream();
        await until(() => incoming.readableLength === sent.length);
        await turns();
        assert.deepEqual(await readAll(incoming), sent);
      });
    });

    it('an aborted stream never looks ended', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        let ended = false;
        stream.on('end', () => (ended = true));
        const reading = rejection(readAll(stream));
        incoming.write('partial');
        await turns();
        incoming.reset();
        const error = await reading;
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_RESET');
        assert.equal(ended, false);
      });
    });
  });
}
