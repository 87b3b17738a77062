import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Stream } from '../../../src/httpstream/index.js';
import { newSpdyServerConnection } from '../../../src/spdy/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { FrameFactory, data, describeFrames, parseFrames, ping } from '../../support/frames.js';
import { rawClient } from '../../support/spdy-pairs.js';

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

/** A socket that takes writes only when told to. */
class Valve extends Duplex {
  readonly taken: Buffer[] = [];
  #held: (() => void)[] = [];
  open = true;

  override _read(): void {}

  override _writev(chunks: readonly { chunk: Buffer }[], callback: () => void): void {
    this.#take(() => this.taken.push(...chunks.map(({ chunk }) => Buffer.from(chunk))), callback);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#take(() => this.taken.push(Buffer.from(chunk)), callback);
  }

  release(): void {
    this.open = true;
    for (const held of this.#held.splice(0)) held();
  }

  #take(keep: () => void, callback: () => void): void {
    const run = (): void => {
      keep();
      callback();
    };
    if (this.open) run();
    else this.#held.push(run);
  }

  frames(): string[] {
    return describeFrames(Buffer.concat(this.taken));
  }
}

async function opened(
  count: number,
  options: object = {},
): Promise<{ valve: Valve; streams: Stream[]; stop: () => Promise<void> }> {
  const valve = new Valve();
  const streams: Stream[] = [];
  const connection = newSpdyServerConnection(valve, (stream) => void streams.push(stream), {
    pingPeriod: 0,
    ...options,
  });
  const factory = new FrameFactory();
  for (let i = 0; i < count; i++) valve.push(factory.synStream(2 * i + 1));
  await turns(3);
  assert.equal(streams.length, count);
  valve.taken.length = 0;
  return {
    valve,
    streams,
    stop: async () => {
      valve.destroy();
      await connection.closed;
    },
  };
}

describe('sending', () => {
  it('maxDataFrameOut: a write of the limit is one frame, one byte more is two', async () => {
    const { valve, streams, stop } = await opened(1, { limits: { maxDataFrameOut: 100 } });
    streams[0]?.write(Buffer.alloc(100));
    streams[0]?.write(Buffer.alloc(101));
    await turns();
    const sizes = parseFrames(Buffer.concat(valve.taken)).map(({ payload }) => payload.length);
    assert.deepEqual(sizes, [100, 100, 1]);
    await stop();
  });

  it('control frames and other streams do not wait behind a stream that waits', async () => {
    const { valve, streams, stop } = await opened(2, { limits: { outboundBytes: 1000, maxDataFrameOut: 500 } });
    valve.open = false;
    streams[0]?.write(Buffer.alloc(100_000));
    await turns();
    valve.push(ping(99));
    await turns();
    valve.release();
    await turns();
    const frames = valve.frames();
    const at = frames.indexOf('PING 99');
    assert.ok(at >= 0 && at <= 4, `the answer is frame ${at} of ${frames.length}`);
    await stop();
  });

  it('streams that wait take turns', async () => {
    const { valve, streams, stop } = await opened(3, { limits: { outboundBytes: 1000, maxDataFrameOut: 500 } });
    valve.open = false;
    streams.forEach((stream) => stream.write(Buffer.alloc(3000)));
    await turns();
    valve.release();
    await turns();
    const ids = valve.frames().map((line) => line.split(' ')[1]);
    assert.equal(ids.length, 18);
    assert.deepEqual(ids.slice(2, 8), ['1', '3', '5', '1', '3', '5']);
    await stop();
  });

  it('outboundBytes: what the socket has not taken stays about within it', async () => {
    const limits = { outboundBytes: 10_000, maxDataFrameOut: 1000 };
    const { valve, streams, stop } = await opened(5, { limits });
    valve.open = false;
    let called = 0;
    for (const stream of streams) stream.write(Buffer.alloc(50_000), () => called++);
    await turns();
    assert.ok(valve.writableLength <= limits.outboundBytes + limits.maxDataFrameOut + 100, `${valve.writableLength}`);
    assert.equal(called, 0);
    valve.release();
    await turns(200);
    assert.equal(called, 5);
    await stop();
  });

  it('what a reset stream still had to send is forgotten', async () => {
    const { valve, streams, stop } = await opened(2, { limits: { outboundBytes: 1000, maxDataFrameOut: 500 } });
    valve.open = false;
    const [first, second] = streams;
    first?.write(Buffer.alloc(100_000));
    second?.write('after');
    await turns();
    first?.reset();
    valve.release();
    await turns();
    const frames = valve.frames();
    assert.ok(frames.length < 8, frames.join('\n'));
    assert.ok(frames.includes('RST_STREAM 1 5'));
    assert.ok(frames.includes('DATA 3 "after"'));
    await stop();
  });

  for (const [writeTimeout, ends] of [
    [5000, true],
    [0, false],
  ] as const) {
    it(`writeTimeout ${writeTimeout}: a socket that takes nothing ${ends ? 'ends the connection' : 'is waited for'}`, async () => {
      const clock = new VirtualClock();
      const { valve, streams, stop } = await opened(1, { clock, limits: { writeTimeout } });
      valve.open = false;
      streams[0]?.write('x');
      await turns();
      clock.advance(4999);
      assert.equal(valve.destroyed, false);
      clock.advance(1);
      assert.equal(valve.destroyed, ends);
      clock.advance(1_000_000);
      assert.equal(valve.destroyed, ends);
      await stop();
    });
  }

  it('an endless writer leaves room for timers and reads', async () => {
    const { connection, peer } = rawClient((stream) => {
      const fill = (): void => {
        while (!stream.destroyed && stream.write(Buffer.alloc(65_536))) continue;
        if (!stream.destroyed) stream.once('drain', fill);
      };
      fill();
    });
    peer.resume();
    peer.write(new FrameFactory().synStream(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    peer.destroy();
    await connection.closed;
  });
});

describe('receiving', () => {
  it('streamBufferBytes: just below it reading goes on, at it reading stops', async () => {
    for (const [size, reads] of [
      [999, true],
      [1000, false],
    ] as const) {
      const streams: Stream[] = [];
      const { connection, peer, received } = rawClient((stream) => void streams.push(stream), {
        limits: { streamBufferBytes: 1000 },
      });
      const frame = Buffer.concat([new FrameFactory().synStream(1), Buffer.alloc(8)]);
      frame.writeUInt32BE(1, frame.length - 8);
      frame.writeUInt32BE(size, frame.length - 4);
      peer.write(Buffer.concat([frame, Buffer.alloc(size)]));
      while (streams[0]?.readableLength !== size) await turns(1);
      peer.write(ping(1));
      await turns();
      assert.equal(describeFrames(received()).includes('PING 1'), reads);
      streams[0]?.resume();
      while (!describeFrames(received()).includes('PING 1')) await turns(1);
      peer.destroy();
      await connection.closed;
    }
  });

  it('what a listener throws ends its connection and stays an uncaught exception', async () => {
    const { connection, peer } = rawClient((stream) => {
      stream.on('data', () => {
        throw new Error('thrown by the application');
      });
    });
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = once(process, 'uncaughtException');
    try {
      peer.write(new FrameFactory().synStream(1));
      await turns();
      peer.write(data(1, 'x'));
      const [error] = (await uncaught) as [Error];
      assert.equal(error.message, 'thrown by the application');
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    assert.equal((await connection.closed).error?.message, 'thrown by the application');
  });

  it('a socket that is destroyed already gives a connection that is lost', async () => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, callback) => callback() });
    socket.destroy();
    const connection = newSpdyServerConnection(socket, () => {});
    assert.equal((await connection.closed).kind, 'lost');
  });
});

describe('write callbacks', () => {
  it('come when the caller may reuse its buffer: nothing changes on the wire', async () => {
    const { valve, streams, stop } = await opened(1);
    const [stream] = streams;
    assert.ok(stream);
    const sent: string[] = [];
    for (const size of [10, 1024, 1025, 5000, 200_000]) {
      const buffer = Buffer.alloc(size, 'a');
      sent.push(buffer.toString());
      valve.open = false;
      let called = false;
      const written = new Promise<void>((resolve) => {
        stream.write(buffer, () => {
          called = true;
          buffer.fill('z');
          resolve();
        });
      });
      await turns(3);
      if (size > 1024) assert.equal(called, false, `${size} bytes`);
      valve.release();
      await written;
    }
    const payloads = parseFrames(Buffer.concat(valve.taken)).map(({ payload }) => payload.toString());
    assert.ok(!payloads.join('').includes('z'));
    assert.equal(payloads.join('').length, sent.join('').length);
    await stop();
  });

  it('small writes and the end that follows leave in one piece', async () => {
    const { valve, streams, stop } = await opened(1);
    streams[0]?.end('small');
    await turns(3);
    assert.deepEqual(valve.frames(), ['DATA 1 "small"', 'DATA 1 "" fin']);
    await stop();
  });
});
