import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stream } from '../../httpstream/index.js';
import { VirtualClock } from '../virtual-clock.js';
import { Acceptor, readAll, streamError, turns, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

const MIB = 1024 * 1024;
const CHUNK = 16 * 1024;
const LIMITS = { streamBufferBytes: 64 * 1024, outboundBytes: 64 * 1024, writeTimeout: 0 };

/** Each stream has a window: an unread one is nobody else's business. */
function windowCases(factory: ComplianceFactory, volume: number): void {
  it('an unread stream is in nobody’s way, for however long', async () => {
    const clock = new VirtualClock();
    const acceptor = new Acceptor();
    const setup = {
      serverHandler: acceptor.handler,
      options: { limits: LIMITS, clock },
      server: { stallPolicy: { resetAfter: 5000 } },
    };
    await withPair(factory, setup, async ({ client }) => {
      const slow = await client.createStream({});
      const slowIn = await acceptor.stream();
      const writer = new Writer(slow, volume * 8 * MIB);
      await writer.stalled();
      const other = await client.createStream({});
      const otherIn = await acceptor.stream(1);
      const total = volume * 4 * MIB;
      const otherWriter = new Writer(other, total);
      let received = 0;
      otherIn.on('data', (chunk: Buffer) => (received += chunk.length));
      await until(() => received === total);
      assert.equal(otherWriter.written, total);
      clock.advance(60_000);
      await turns();
      assert.equal(slowIn.destroyed, false);
      slowIn.resume();
      await until(() => slowIn.readableEnded);
      await client.ping();
    });
  });

  it('letting go of an unread stream fails its writer, and the others go on', async () => {
    const acceptor = new Acceptor();
    await withPair(factory, { serverHandler: acceptor.handler, options: { limits: LIMITS } }, async ({ client }) => {
      const slow = await client.createStream({});
      const slowIn = await acceptor.stream();
      const other = await client.createStream({});
      const otherIn = await acceptor.stream(1);
      const writer = new Writer(slow, volume * 8 * MIB);
      await writer.stalled();
      slowIn.reset();
      assert.ok(await streamError(slow));
      other.end('after it');
      assert.equal((await readAll(otherIn)).toString(), 'after it');
    });
  });

  it('a reader gets as much at once as it asks for, beyond the window', async () => {
    const acceptor = new Acceptor();
    await withPair(factory, { serverHandler: acceptor.handler, options: { limits: LIMITS } }, async ({ client }) => {
      const stream = await client.createStream({});
      const incoming = await acceptor.stream();
      const writer = new Writer(stream, MIB);
      await writer.stalled();
      let got: Buffer | null = null;
      incoming.on('readable', () => (got ??= incoming.read(MIB) as Buffer | null));
      await until(() => got !== null);
      assert.equal((got as Buffer | null)?.length, MIB);
    });
  });
}

/** No windows on the wire: what an unread stream does to the others is a matter of policy. */
function stallPolicyCases(factory: ComplianceFactory, volume: number): void {
  it('pause: the connection waits for the unread stream, then all go on', async () => {
    const acceptor = new Acceptor();
    await withPair(factory, { serverHandler: acceptor.handler, options: { limits: LIMITS } }, async ({ client }) => {
      const slow = await client.createStream({});
      const slowIn = await acceptor.stream();
      const other = await client.createStream({});
      const otherIn = await acceptor.stream(1);
      const writer = new Writer(slow, volume * 8 * MIB);
      await writer.stalled();
      other.end('behind it');
      slowIn.resume();
      assert.equal((await readAll(otherIn)).toString(), 'behind it');
      await until(() => slowIn.readableEnded);
    });
  });

  it('pause: letting go of the unread stream frees the others', async () => {
    const acceptor = new Acceptor();
    await withPair(factory, { serverHandler: acceptor.handler, options: { limits: LIMITS } }, async ({ client }) => {
      const slow = await client.createStream({});
      const slowIn = await acceptor.stream();
      const other = await client.createStream({});
      const otherIn = await acceptor.stream(1);
      const writer = new Writer(slow, volume * 8 * MIB);
      await writer.stalled();
      other.end('behind it');
      slowIn.reset();
      assert.equal((await readAll(otherIn)).toString(), 'behind it');
      assert.ok(await streamError(slow));
    });
  });

  it('resetAfter: the unread stream is reset, the others go on', async () => {
    const clock = new VirtualClock();
    const acceptor = new Acceptor();
    const setup = {
      serverHandler: acceptor.handler,
      options: { limits: LIMITS, clock },
      server: { stallPolicy: { resetAfter: 5000 } },
    };
    await withPair(factory, setup, async ({ client }) => {
      const slow = await client.createStream({});
      const slowIn = await acceptor.stream();
      const other = await client.createStream({});
      const otherIn = await acceptor.stream(1);
      const writer = new Writer(slow, volume * 8 * MIB);
      await writer.stalled();
      other.end('behind it');
      clock.advance(4999);
      await turns();
      assert.equal(slowIn.destroyed, false);
      clock.advance(1);
      assert.equal(slowIn.destroyed, true);
      assert.equal((await readAll(otherIn)).toString(), 'behind it');
      const error = await streamError(slow);
      assert.ok(error && 'reason' in error && error.reason === 'flow-control-error', String(error));
    });
  });

  it('resetAfter: a stream that is read in time is not reset', async () => {
    const clock = new VirtualClock();
    const acceptor = new Acceptor();
    const setup = {
      serverHandler: acceptor.handler,
      options: { limits: LIMITS, clock },
      server: { stallPolicy: { resetAfter: 5000 } },
    };
    await withPair(factory, setup, async ({ client }) => {
      const stream = await client.createStream({});
      const incoming = await acceptor.stream();
      const total = volume * 8 * MIB;
      const writer = new Writer(stream, total);
      await writer.stalled();
      clock.advance(4999);
      let received = 0;
      incoming.on('data', (chunk: Buffer) => (received += chunk.length));
      await until(() => received > total / 2);
      clock.advance(4999);
      await until(() => received === total);
    });
  });
}

/** Nothing that is not read piles up without bound, and nobody pays for it longer than the policy says. */
export function backpressureCases(factory: ComplianceFactory, volume: number, streamWindow: number): void {
  describe('backpressure', () => {
    it('an unread stream stops its writer, and everything arrives once it is read', async () => {
      const acceptor = new Acceptor();
      await withPair(factory, { serverHandler: acceptor.handler, options: { limits: LIMITS } }, async ({ client }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        const total = volume * 20 * MIB;
        const writer = new Writer(stream, total);
        await writer.stalled();
        assert.ok(writer.written < total, `${writer.written} bytes were taken`);
        const most = Math.max(LIMITS.streamBufferBytes + 64 * 1024, streamWindow);
        assert.ok(incoming.readableLength <= most, `${incoming.readableLength}`);
        let received = 0;
        for await (const chunk of incoming) received += (chunk as Buffer).length;
        assert.equal(received, total);
      });
    });

    if (streamWindow > 0) windowCases(factory, volume);
    else stallPolicyCases(factory, volume);

    it('streams that write at once take turns', async () => {
      await withPair(factory, { options: { limits: LIMITS } }, async ({ client }) => {
        const streams = await Promise.all(Array.from({ length: 4 }, async () => await client.createStream({})));
        const size = volume * MIB;
        const done = streams.map(async (stream, index) => {
          const bytes = Buffer.alloc(size, index);
          stream.end(bytes);
          assert.deepEqual(await readAll(stream), bytes);
        });
        await Promise.all(done);
      });
    });
  });
}

/** Writes `total` bytes, honouring backpressure, then ends. */
class Writer {
  written = 0;
  readonly #stream: Stream;
  readonly #total: number;

  constructor(stream: Stream, total: number) {
    this.#stream = stream;
    this.#total = total;
    this.#fill();
  }

  /** Resolves once no byte has been taken for many turns. */
  async stalled(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < 5; before = this.written) {
      quiet = this.written === before ? quiet + 1 : 0;
      await turns(50);
    }
  }

  readonly #fill = (): void => {
    while (this.written < this.#total) {
      this.written += CHUNK;
      if (this.#stream.write(Buffer.alloc(CHUNK))) continue;
      this.#stream.once('drain', this.#fill);
      return;
    }
    this.#stream.end();
  };
}
