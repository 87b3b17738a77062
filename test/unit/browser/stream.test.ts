import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ConnectionLostError,
  InvalidArgumentError,
  StreamResetError,
  type BrowserStream,
} from '../../../src/browser/index.js';
import type { Stream } from '../../../src/httpstream/index.js';
import { readAll, turns, until, withPage, writeAll } from './support.js';

const WINDOW = 256 * 1024;

/** The server's streams, held in the order they came, and left alone. */
function acceptor(): { readonly streams: Stream[]; readonly handler: (stream: Stream) => void } {
  const streams: Stream[] = [];
  return { streams, handler: (stream) => void streams.push(stream) };
}

async function first(streams: readonly Stream[]): Promise<Stream> {
  await until(() => streams.length > 0);
  const [stream] = streams;
  assert.ok(stream !== undefined);
  return stream;
}

const reader = (stream: BrowserStream): ReadableStreamDefaultReader<Uint8Array> => stream.readable.getReader();

describe('a stream of the browser build', { timeout: 30_000 }, () => {
  test('is echoed, half-close included', () =>
    withPage({}, async ({ page, server }) => {
      const stream = await page.createStream({ name: 'one', Many: ['a', 'b'] });
      const bytes = Buffer.alloc(3_000_000, 'abcdefg');
      const [, back] = await Promise.all([writeAll(stream.writable, bytes), readAll(stream.readable)]);
      assert.ok(back.equals(bytes));
      assert.deepEqual([stream.id, stream.headers.getAll('many')], [1, ['a', 'b']]);
      await until(() => page.streams.size === 0 && server.streams.size === 0);
    }));

  test('the end of one direction leaves the other open', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      peer.end('bye');
      assert.equal(String(await readAll(stream.readable)), 'bye');
      assert.equal(page.streams.size, 1);
      await writeAll(stream.writable, Buffer.from('still here'));
      const [chunk] = (await peer.toArray()) as Buffer[];
      assert.equal(String(chunk), 'still here');
      assert.equal(page.streams.size, 0);
    });
  });

  test('writes travel before the reply', () => {
    const { streams, handler } = acceptor();
    const putOff = (stream: Parameters<typeof handler>[0] & { deferReply(): void }): void => {
      stream.deferReply();
      handler(stream);
    };
    return withPage({ handler: putOff }, async ({ page }) => {
      const stream = page.openStream();
      await writeAll(stream.writable, Buffer.from('early'));
      const peer = await first(streams);
      await until(() => peer.readableLength === 5);
    });
  });

  test('an unread stream holds no more than its window, which only reading opens again', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      let written = 0;
      const write = (): void => {
        while (peer.write(Buffer.alloc(64 * 1024, 'x'))) written += 64 * 1024;
      };
      peer.on('drain', write);
      write();
      await turns(50);
      const stopped = written;
      assert.ok(stopped <= WINDOW + peer.writableHighWaterMark, `${stopped} bytes written`);

      // Getting a reader is not reading.
      const from = reader(stream);
      await turns(50);
      assert.equal(written, stopped);

      let read = 0;
      while (read < WINDOW) read += (await from.read()).value?.length ?? 0;
      await until(() => written >= stopped + WINDOW / 2);
    });
  });

  test('writes wait for the window of a server that does not read', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page, socket }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      const writer = stream.writable.getWriter();
      let done = false;
      const writing = writer.write(new Uint8Array(WINDOW + 1)).then(() => (done = true));
      await turns(50);
      assert.equal(done, false);
      const sent = socket.messages.reduce((sum, size) => sum + size, 0);
      assert.ok(sent >= WINDOW && sent < WINDOW + 200, `${sent} bytes sent`);
      peer.resume();
      await writing;
    });
  });

  test('a reset by the peer: what had arrived, then the error; a writer hears of it at once', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      const writer = stream.writable.getWriter();
      const peer = await first(streams);
      peer.write('abc', () => peer.reset('internal-error'));
      await assert.rejects(writer.closed, StreamResetError);
      await assert.rejects(writer.write(Uint8Array.of(1)), StreamResetError);
      const from = reader(stream);
      assert.equal(String(Buffer.from((await from.read()).value ?? [])), 'abc');
      await assert.rejects(from.read(), (error) => error instanceof StreamResetError && error.initiator === 'remote');
      assert.equal(page.streams.size, 0);
    });
  });

  test('a reset after the end that was not read yet does not undo the end', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      peer.end('whole', () => peer.reset());
      await until(() => page.streams.size === 0);
      assert.equal(String(await readAll(stream.readable)), 'whole');
    });
  });

  for (const [how, act] of [
    ['reset()', (stream: BrowserStream) => stream.reset('cancel')],
    ['cancel() of readable', (stream: BrowserStream) => stream.readable.cancel()],
    ['abort() of writable', (stream: BrowserStream) => stream.writable.abort()],
    ['leaving an iteration', (stream: BrowserStream) => stream.readable[Symbol.asyncIterator]().return?.()],
  ] as const) {
    test(`${how} resets both directions`, () => {
      const { streams, handler } = acceptor();
      return withPage({ handler }, async ({ page }) => {
        const stream = page.openStream();
        const peer = await first(streams);
        peer.resume();
        await act(stream);
        assert.equal(page.streams.size, 0);
        await until(() => peer.destroyed);
        assert.ok(peer.errored instanceof StreamResetError);
        await assert.rejects(stream.writable.getWriter().closed);
        stream.reset();
      });
    });
  }

  test('a reset fails the read and the write that wait', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      await first(streams);
      const waiting = [reader(stream).read(), stream.writable.getWriter().write(new Uint8Array(2 * WINDOW))];
      const outcomes = Promise.allSettled(waiting);
      await turns();
      stream.reset('refused');
      for (const outcome of await outcomes) {
        assert.equal(outcome.status, 'rejected');
        const { reason } = outcome as PromiseRejectedResult;
        assert.ok(reason instanceof StreamResetError && reason.reason === 'refused' && reason.initiator === 'local');
      }
    });
  });

  test('what is no bytes ends the stream, so that what follows does not look whole', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      const writer = stream.writable.getWriter();
      // @ts-expect-error: as untyped callers do
      await assert.rejects(writer.write('text'), InvalidArgumentError);
      await assert.rejects(writer.write(Uint8Array.of(1)), InvalidArgumentError);
      await until(() => peer.destroyed);
      assert.ok(peer.errored instanceof StreamResetError);
    });
  });

  test('takes views of all kinds, and empty ones', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const writer: WritableStreamDefaultWriter<unknown> = page.openStream().writable.getWriter();
      await writer.write(new Uint8Array());
      await writer.write(Uint8Array.of(1, 2).buffer);
      await writer.write(new DataView(Uint8Array.of(0, 3, 4).buffer, 1));
      await writer.write(new Uint16Array(new SharedArrayBuffer(2)));
      await writer.close();
      const chunks = (await (await first(streams)).toArray()) as Buffer[];
      assert.equal(Buffer.concat(chunks).toString('hex'), '010203040000');
    });
  });

  test('bytes may be changed once their write has resolved', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page, socket }) => {
      const writer = page.openStream().writable.getWriter();
      socket.hold();
      const bytes = new Uint8Array(100_000).fill(1);
      await writer.write(bytes);
      bytes.fill(2);
      await writer.write(bytes);
      bytes.fill(3);
      socket.release();
      await writer.close();
      const got = Buffer.concat((await (await first(streams)).toArray()) as Buffer[]);
      assert.equal(got.length, 200_000);
      assert.deepEqual([got.indexOf(2), got.lastIndexOf(1), got.includes(3)], [100_000, 99_999, false]);
    });
  });

  test('the memory of a chunk can be transferred', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page }) => {
      const [one, two] = [page.openStream(), page.openStream()];
      await until(() => streams.length === 2);
      for (const stream of streams) stream.end(Buffer.alloc(5000, 'z'));
      for (const { readable } of [one, two]) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of readable) chunks.push(structuredClone(chunk, { transfer: [chunk.buffer] }));
        assert.equal(String(Buffer.concat(chunks)), 'z'.repeat(5000));
      }
    });
  });

  test('a chunk that a reader gave up waiting for is not lost with the connection', () => {
    const { streams, handler } = acceptor();
    return withPage({ handler }, async ({ page, socket }) => {
      const stream = page.openStream();
      const peer = await first(streams);
      const left = reader(stream);
      const waiting = left.read();
      left.releaseLock();
      await assert.rejects(waiting, TypeError);
      peer.write('late');
      await turns();
      socket.closes(1006, '', false);
      await page.closed;
      const from = reader(stream);
      assert.equal(String(Buffer.from((await from.read()).value ?? [])), 'late');
      await assert.rejects(from.read(), ConnectionLostError);
    });
  });

  test('many small writes of one turn leave in one message', () =>
    withPage({}, async ({ page, socket }) => {
      const stream = await page.createStream();
      await turns();
      const before = socket.messages.length;
      const writer = stream.writable.getWriter();
      for (let i = 0; i < 100; i++) writer.write(Uint8Array.of(i)).catch(() => {});
      await writer.close();
      const back = await readAll(stream.readable);
      assert.deepEqual(
        [...back],
        Array.from({ length: 100 }, (_, i) => i),
      );
      assert.ok(socket.messages.length - before <= 3, `${socket.messages.length - before} messages`);
    }));
});
