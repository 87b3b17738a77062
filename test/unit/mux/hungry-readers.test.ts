import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stream } from '../../../src/httpstream/index.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../../src/spdy/index.js';
import { duplexPair } from '../../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../../src/yamux/index.js';
import { turns, until } from '../../support/yamux-raw.js';

// Readers that ask for a number of bytes, and sleep until 'readable' when there are fewer.

interface Joined {
  readonly ours: Stream;
  readonly theirs: Stream;
  /** Breaks the connection. */
  cut(): void;
  stop(): Promise<void>;
}

async function joined(engine: 'yamux' | 'spdy'): Promise<Joined> {
  const [left, right] = duplexPair();
  const opened: Stream[] = [];
  const handler = (stream: Stream): void => void opened.push(stream);
  const server =
    engine === 'yamux' ? newYamuxServerConnection(right, handler) : newSpdyServerConnection(right, handler);
  const client = engine === 'yamux' ? newYamuxClientConnection(left) : newSpdyClientConnection(left);
  const ours = await client.createStream({ streamtype: 'data' });
  const [theirs] = opened;
  assert.ok(theirs !== undefined);
  return {
    ours,
    theirs,
    cut: () => left.resetConnection(),
    stop: async () => {
      await Promise.all([client.close(), server.close()]);
    },
  };
}

for (const engine of ['yamux', 'spdy'] as const) {
  describe(`a reader over ${engine} that waits for more than there is`, () => {
    it('gets it when it comes in small pieces, each written later', async () => {
      const { ours, theirs, stop } = await joined(engine);
      const got: string[] = [];
      theirs.on('readable', () => {
        for (let piece: unknown = theirs.read(10); piece !== null; piece = theirs.read(10)) got.push(String(piece));
      });
      for (const piece of ['123', '45', '67', '890abc', 'defg', 'hij']) {
        ours.write(piece);
        await turns(5);
      }
      assert.deepEqual(got, ['1234567890', 'abcdefghij']);
      await stop();
    });

    it('also in the middle of larger ones', async () => {
      const { ours, theirs, stop } = await joined(engine);
      let got: Buffer | null = null;
      theirs.on('readable', () => (got ??= theirs.read(300_000) as Buffer | null));
      for (const size of [3, 5000, 1, 200_000, 1000, 20_000, 73_996]) {
        ours.write(Buffer.alloc(size));
        await turns(5);
      }
      await until(() => got !== null);
      await stop();
    });

    for (const how of ['reset', 'cut'] as const) {
      it(`hears of a ${how}, whether it comes before it asks or after`, async () => {
        for (const first of ['ask', 'break']) {
          const { ours, theirs, cut, stop } = await joined(engine);
          ours.write('12345');
          await turns(5);
          const errors: Error[] = [];
          theirs.on('error', (error) => errors.push(error));
          const ask = (): unknown => theirs.on('readable', () => void theirs.read(10));
          const end = (): void => (how === 'cut' ? cut() : ours.reset());
          if (first === 'ask') {
            ask();
            await turns(5);
            end();
          } else {
            end();
            await turns(10);
            ask();
          }
          await until(() => theirs.destroyed);
          await turns(2);
          assert.equal(errors.length, 1);
          await stop();
        }
      });
    }

    it('gets the rest at the end', async () => {
      const { ours, theirs, stop } = await joined(engine);
      const got: string[] = [];
      theirs.on('readable', () => {
        const piece: unknown = theirs.read(10);
        if (piece !== null) got.push(String(piece));
      });
      ours.write('123');
      await turns(5);
      ours.end('45');
      await until(() => theirs.readableEnded);
      assert.deepEqual(got, ['12345']);
      await stop();
    });

    it('is not cut off from what came with the break', async () => {
      const { ours, theirs, stop } = await joined(engine);
      const got: string[] = [];
      theirs.on('readable', () => {
        for (let piece: unknown = theirs.read(4); piece !== null; piece = theirs.read(4)) got.push(String(piece));
      });
      ours.write('123');
      await turns(5);
      ours.write('456789');
      ours.reset();
      await until(() => theirs.destroyed);
      assert.deepEqual(got, ['1234', '5678']);
      await stop();
    });
  });
}
