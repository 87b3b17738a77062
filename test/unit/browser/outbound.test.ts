import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectionLostError, type BrowserStream } from '../../../src/browser/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import type { FakeWebSocket } from './fake-web-socket.js';
import { turns, until, withPage } from './support.js';

const KiB = 1024;

/** Writes `bytes` on a stream of its own, and takes note when it is done. */
function startWrite(stream: BrowserStream, bytes: number, note: (index: number) => void, index = 0): void {
  stream.writable
    .getWriter()
    .write(new Uint8Array(bytes))
    .then(() => note(index))
    .catch(() => {});
}

const sent = (socket: FakeWebSocket): number => socket.messages.reduce((sum, size) => sum + size, 0);

describe('the outbound side of the browser build', { timeout: 30_000 }, () => {
  test('holds no more than limits.outboundBytes in the WebSocket, and looks again while somebody waits', async () => {
    const clock = new VirtualClock();
    const handler = (stream: { resume(): unknown }): void => void stream.resume();
    await withPage({ handler, page: { clock, limits: { outboundBytes: 256 * KiB } } }, async ({ page, socket }) => {
      const streams = Array.from({ length: 8 }, () => page.openStream());
      await turns();
      socket.hold();
      const done: number[] = [];
      streams.forEach((stream, index) => startWrite(stream, 128 * KiB, (at) => done.push(at), index));
      await turns();
      assert.ok(socket.bufferedAmount >= 256 * KiB && socket.bufferedAmount <= 321 * KiB, `${socket.bufferedAmount}`);
      // Done is what the WebSocket has.
      assert.deepEqual(done, [0, 1]);
      // Nothing moved, so nothing more is sent, however long it takes.
      const before = sent(socket);
      clock.advance(1000);
      await turns();
      assert.equal(sent(socket), before);
      // Nor do all rush in once there is room.
      socket.release();
      socket.hold();
      await turns();
      clock.advance(64);
      await turns();
      assert.ok(socket.bufferedAmount >= 256 * KiB && socket.bufferedAmount <= 321 * KiB, `${socket.bufferedAmount}`);
      socket.release();
      while (done.length < 8) {
        await turns(2);
        clock.advance(64);
      }
      assert.deepEqual(done.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
      // Once nobody waits and nothing is under way, no timer is left but the check of progress that is set already.
      await until(() => socket.bufferedAmount === 0);
      clock.advance(5000);
      assert.equal(clock.pending, 0);
    });
  });

  test('streams take turns: a small write does not wait for large ones', async () => {
    const clock = new VirtualClock();
    const handler = (stream: { resume(): unknown }): void => void stream.resume();
    await withPage({ handler, page: { clock, limits: { outboundBytes: 64 * KiB } } }, async ({ page }) => {
      const [large, larger, small] = [page.openStream(), page.openStream(), page.openStream()];
      await turns();
      const done: string[] = [];
      startWrite(large, 1024 * KiB, () => done.push('large'));
      startWrite(larger, 2048 * KiB, () => done.push('larger'));
      startWrite(small, 10, () => done.push('small'));
      while (done.length < 3) {
        await turns(2);
        clock.advance(64);
      }
      assert.deepEqual(done, ['small', 'large', 'larger']);
    });
  });

  test('a stream whose window is used up holds up nobody', () => {
    const handler = (stream: { readonly id: number; resume(): unknown }): void => {
      if (stream.id !== 1) stream.resume();
    };
    return withPage({ handler }, async ({ page }) => {
      const [unread, read] = [page.openStream(), page.openStream()];
      const done: string[] = [];
      startWrite(unread, 512 * KiB, () => done.push('unread'));
      startWrite(read, 512 * KiB, () => done.push('read'));
      await until(() => done.length > 0);
      await turns();
      assert.deepEqual(done, ['read']);
    });
  });

  test('messages are of moderate size, whatever is written', () => {
    const handler = (stream: { resume(): unknown }): void => void stream.resume();
    return withPage({ handler, page: { limits: { maxDataFrameOut: 1024 * KiB } } }, async ({ page, socket }) => {
      let done = false;
      startWrite(page.openStream(), 900 * KiB, () => (done = true));
      await until(() => done);
      assert.ok(Math.max(...socket.messages) <= 128 * KiB, `${socket.messages.join()}`);
    });
  });

  test('a WebSocket that hands on nothing for limits.writeTimeout is lost', async () => {
    const clock = new VirtualClock();
    await withPage({ page: { clock, limits: { writeTimeout: 10_000 } } }, async ({ page, socket }) => {
      const stream = await page.createStream();
      const failed = assert.rejects(stream.readable.getReader().read(), ConnectionLostError);
      await until(() => socket.bufferedAmount === 0);
      clock.advance(10_000);
      socket.hold();
      startWrite(stream, 1000, () => {});
      await turns();
      clock.advance(9999);
      assert.equal(page.streams.size, 1);
      clock.advance(5001);
      await failed;
      const { kind, initiator, error } = await page.closed;
      assert.deepEqual([kind, initiator], ['lost', 'local']);
      assert.match(String(error), /took no bytes for 10000 ms/);
      assert.equal(socket.closeCode, 4000);
      assert.equal(clock.pending, 0);
    });
  });

  test('one that is slow is not', async () => {
    const clock = new VirtualClock();
    await withPage({ page: { clock, limits: { writeTimeout: 10_000 } } }, async ({ page, socket }) => {
      const stream = await page.createStream();
      socket.hold();
      for (let i = 0; i < 20; i++) {
        startWriteOnce(stream, i);
        await turns();
        clock.advance(4000);
        // Some of it, while more was added.
        socket.bufferedAmount -= 10;
      }
      assert.equal(page.streams.size, 1);
    });
  });

  test('the first look after a page was frozen condemns nobody', async () => {
    const clock = new VirtualClock();
    await withPage({ page: { clock, limits: { writeTimeout: 10_000 } } }, async ({ page, socket }) => {
      const stream = await page.createStream();
      await until(() => socket.bufferedAmount === 0);
      clock.advance(10_000);
      socket.hold();
      startWrite(stream, 1000, () => {});
      await turns();
      // One timer fires, an hour late; then the network goes on.
      clock.advance(5000);
      socket.release();
      await until(() => socket.bufferedAmount === 0);
      clock.advance(3_600_000);
      assert.equal(page.streams.size, 1);
    });
  });
});

const writers = new WeakMap<BrowserStream, WritableStreamDefaultWriter<Uint8Array>>();

function startWriteOnce(stream: BrowserStream, byte: number): void {
  const writer = writers.get(stream) ?? stream.writable.getWriter();
  writers.set(stream, writer);
  writer.write(Uint8Array.of(byte)).catch(() => {});
}
