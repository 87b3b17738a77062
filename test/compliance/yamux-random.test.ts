// Random streams in both directions on one connection, from a seed: sizes, ways to read, pauses, refusals, resets in the
// middle, and, for half of the seeds, the end of the connection in the middle. What is not broken arrives whole, everything
// settles, and nothing is left.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, NewStreamHandler, Stream } from '../../src/httpstream/index.js';
import { FaultyDuplex, duplexPair, randomSlices } from '../../src/testing/index.js';
import { seededRandom } from '../../src/testing/random.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';

type Random = () => number;

const SMALL = { maxStreams: 16, acceptBacklog: 4, receiveBudgetBytes: 16 * 256 * 1024 };

function pattern(bytes: number, salt: number): Buffer {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) data[i] = i * 31 + (i >>> 8) + salt;
  return data;
}

/** Echoes most streams; refuses, fails, puts off or resets the others. */
function moody(seed: number): NewStreamHandler {
  return async (stream) => {
    const mood = seededRandom(seed * 7 + stream.id)();
    if (mood < 0.08) return stream.refuse('refused', 'not today');
    if (mood < 0.12) throw new Error('a handler that fails');
    if (mood < 0.2) {
      stream.deferReply();
      await nextTurn();
      stream.accept();
    } else if (mood < 0.26) {
      await nextTurn();
      return stream.reset();
    }
    stream.pipe(stream);
    return undefined;
  };
}

/** By iteration, by events with pauses, or by `read(n)` that gives some back. */
async function readAll(stream: Stream, random: Random): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const way = random();
  if (way < 0.4) {
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      if (random() < 0.1) await nextTurn();
    }
    return Buffer.concat(chunks);
  }
  if (way < 0.7) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (random() > 0.05) return;
      stream.pause();
      setImmediate(() => stream.resume());
    });
  } else {
    const take = (): void => {
      for (;;) {
        const most = Math.max(1, stream.readableLength);
        const chunk = stream.read(Math.min(most, 1 + Math.floor(random() * 3000))) as Buffer | null;
        if (chunk === null) return;
        const keep = random() < 0.1 ? Math.ceil(chunk.length / 2) : chunk.length;
        chunks.push(chunk.subarray(0, keep));
        if (keep < chunk.length) stream.unshift(chunk.subarray(keep));
      }
    };
    stream.on('readable', take);
    take();
  }
  if (!stream.readableEnded) await once(stream, 'end');
  return Buffer.concat(chunks);
}

async function writeAll(stream: Stream, data: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < data.length && !stream.destroyed;) {
    const end = Math.min(data.length, at + 1 + Math.floor(random() * (random() < 0.3 ? 100 : 60_000)));
    const room = stream.write(data.subarray(at, end));
    at = end;
    if (!room && !stream.destroyed) await once(stream, 'drain');
  }
  stream.end();
}

async function closed(stream: Stream): Promise<void> {
  // It can be before whoever awaited createStream has its turn.
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
}

/** Whether the stream came to a good end; any other must be an error of the known kinds. */
async function exchange(connection: Connection, seed: number): Promise<boolean> {
  const random = seededRandom(seed);
  const data = pattern(Math.floor(random() * (random() < 0.2 ? 1_000_000 : 40_000)), seed);
  try {
    const stream = random() < 0.5 ? await connection.createStream({ a: 'b' }) : connection.openStream({ a: 'b' });
    const work = Promise.all([readAll(stream, random), writeAll(stream, data, random)]);
    work.catch(() => {});
    const gone = closed(stream).then(async () => {
      if (stream.errored !== null) throw stream.errored;
      return await work;
    });
    gone.catch(() => {});
    if (random() < 0.15) {
      for (let turns = random() * 20; turns > 0; turns--) await nextTurn();
      stream.reset();
      await gone;
    }
    const [received] = await Promise.race([work, gone]);
    assert.ok(received.equals(data), `stream ${stream.id}: ${received.length} of ${data.length} bytes`);
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    assert.ok(['ERR_STREAM_RESET', 'ERR_CONNECTION_LOST'].includes(String(code)), String(error));
    return false;
  }
}

describe('yamux, random streams', { timeout: 60_000 }, () => {
  for (let seed = 1; seed <= 24; seed++) {
    const cut = seed % 2 === 0;
    it(`seed ${seed}${cut ? ', ended in the middle' : ''}`, { timeout: 10_000 }, async () => {
      const random = seededRandom(seed);
      const [left, right] = duplexPair({ highWaterMark: [1024, 16_384, 65_536][seed % 3] ?? 65_536 });
      const ends = [
        new FaultyDuplex(left, { slicer: randomSlices(seed) }),
        new FaultyDuplex(right, { slicer: randomSlices(seed + 1) }),
      ] as const;
      const limits = { resetBurst: 10_000, ...(random() < 0.5 ? SMALL : {}) };
      const options = { limits, pingPeriod: 0 };
      const server = newYamuxServerConnection(ends[1], moody(seed), options);
      const client = newYamuxClientConnection(ends[0], { ...options, newStreamHandler: moody(seed) });
      const work = Array.from({ length: 30 }, (_, index) =>
        exchange(random() < 0.5 ? client : server, seed * 1000 + index),
      );
      if (cut) {
        for (let turns = random() * 300; turns > 0; turns--) await nextTurn();
        if (seed % 4 === 0) ends[0].reset();
        else void (seed % 3 === 0 ? client : server).close();
      }
      const good = (await Promise.all(work)).filter(Boolean).length;
      if (!cut) {
        assert.ok(good >= 8, `${good} of 30`);
        while (client.streams.size + server.streams.size > 0) await nextTurn();
        assert.ok((await client.ping()) >= 0 && (await server.ping()) >= 0);
      }
      await client.close();
      await server.closed;
      assert.equal(client.streams.size + server.streams.size, 0);
    });
  }
});
