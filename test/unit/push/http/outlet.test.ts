import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { eventually, openStream, servePush } from '../../../support/push-sse.js';

/** What was written to each connection, as it was handed to the socket. */
function watchWrites(socket: Socket): unknown[] {
  const writes: unknown[] = [];
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  Object.assign(socket, {
    write: (...args: unknown[]): boolean => {
      writes.push(args[0]);
      return write(...args);
    },
  });
  return writes;
}

describe('direct writing', () => {
  for (const coding of ['identity', 'gzip']) {
    it(`${coding}: every client is sent the very same Buffer, one per event`, async () => {
      await using push = await servePush();
      const written: unknown[][] = [];
      push.server.prependListener('request', ({ socket }) => written.push(watchWrites(socket)));
      for (let n = 0; n < 3; n++) {
        // The text is not read: how it is coded does not matter here.
        void openStream(`${push.url}/?stream=a`, { headers: { 'Accept-Encoding': coding } }).catch(() => {});
      }
      await eventually(() => push.handler.clients === 3);
      for (const writes of written) writes.length = 0;
      push.log.publish('a', 'x'.repeat(1_000));
      await eventually(() => written.every((writes) => writes.length > 0));
      const [first, second, third] = written;
      assert.equal(first?.length, 1);
      assert.ok(Buffer.isBuffer(first[0]));
      assert.equal(second?.[0], first[0]);
      assert.equal(third?.[0], first[0]);
      assert.match(first[0].toString('latin1', 0, 10), /^[\da-f]+\r\n/);
    });
  }

  it('a batch of a tick is one write', async () => {
    await using push = await servePush();
    const written: unknown[][] = [];
    push.server.prependListener('request', ({ socket }) => written.push(watchWrites(socket)));
    const client = await openStream(`${push.url}/?stream=a`);
    const [writes = []] = written;
    writes.length = 0;
    for (let n = 0; n < 50; n++) push.log.publish('a', String(n));
    await client.until(({ events }) => events.length === 50);
    assert.equal(writes.length, 1);
  });

  it('the head and the position leave together', async () => {
    await using push = await servePush();
    let chunks = 0;
    push.server.prependListener('request', ({ socket }) => {
      const { _writev: writev } = socket as Socket & { _writev: (...args: unknown[]) => void };
      Object.assign(socket, {
        _writev: (...args: unknown[]) => {
          chunks += 1;
          writev.apply(socket, args);
        },
      });
    });
    await openStream(`${push.url}/?stream=a`);
    assert.equal(chunks, 1);
  });
});
