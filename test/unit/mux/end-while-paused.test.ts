import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, it } from 'node:test';
import type { Stream } from '../../../src/httpstream/index.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../../src/spdy/index.js';

/** A connection in memory whose client gets the server's bytes when the test says so, and an end as from `net.Socket`. */
function heldPair(): { near: Duplex; far: Duplex; release: () => void; hold: () => void; end: () => void } {
  let held: Buffer[] | undefined;
  const near = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      far.push(chunk);
      done();
    },
  });
  const far = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      if (held === undefined) near.push(chunk);
      else held.push(chunk);
      done();
    },
  });
  return {
    near,
    far,
    hold: () => (held = []),
    release: () => near.push(Buffer.concat(held ?? [])),
    end() {
      near.push(null);
      // As net.Socket does (onStreamRead): it tells of the end even while it is paused, once nothing is left in it.
      near.read(0);
    },
  };
}

async function bytesOf(stream: Stream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

describe('a peer that ends while reading is paused for a full stream', () => {
  for (const goodbye of [false, true]) {
    it(`what it had sent is all delivered ${goodbye ? 'after its goodbye' : 'without a goodbye'}`, async () => {
      const { near, far, hold, release, end } = heldPair();
      const accepted: Stream[] = [];
      const server = newSpdyServerConnection(far, (stream) => void accepted.push(stream));
      const client = newSpdyClientConnection(near, { limits: { streamBufferBytes: 4096 } });
      const full = await client.createStream({ kind: 'full' });
      const status = await client.createStream({ kind: 'status' });
      for (const stream of [full, status, ...accepted]) stream.on('error', () => {});
      const [one, two] = accepted;
      assert.ok(one !== undefined && two !== undefined);
      hold();
      for (const stream of [full, status]) stream.end();
      one.end(Buffer.alloc(20_000));
      two.end('Success');
      await Promise.all([full, status, one, two].map((stream) => once(stream, 'finish')));
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      if (goodbye) void server.close();
      await setImmediate();
      const ended = once(near, 'end');
      // One chunk: the first stream is full amid it, and the rest is held back when the end comes.
      release();
      assert.equal(status.readableLength, 0);
      end();
      await ended;
      assert.deepEqual(await Promise.all([bytesOf(full), bytesOf(status)]), [20_000, 7]);
      const closing = client.closed;
      near.destroy();
      assert.equal((await closing).kind, goodbye ? 'going-away' : 'ended');
      far.destroy();
      await server.closed;
    });
  }
});
