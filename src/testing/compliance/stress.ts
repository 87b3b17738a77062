import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { echo, readAll, until, withPair } from './harness.js';
import type { ComplianceFactory } from './types.js';

/** Many streams, and nothing left of them. */
export function stressCases(factory: ComplianceFactory, volume: number): void {
  describe('stress', () => {
    it('1,000 streams at once', async () => {
      const limits = { maxStreams: 1024, streamBufferBytes: 65_536, receiveBudgetBytes: 256 * 1024 * 1024 };
      await withPair(factory, { options: { limits } }, async ({ client, server }) => {
        const streams = await Promise.all(
          Array.from({ length: 1000 }, async (_, index) => await client.createStream({ index: String(index) })),
        );
        assert.equal(client.streams.size, 1000);
        assert.equal(new Set(streams.map(({ id }) => id)).size, 1000);
        const answers = await Promise.all(
          streams.map(async (stream, index) => {
            stream.end(`stream ${index}`);
            return (await readAll(stream)).toString();
          }),
        );
        assert.ok(answers.every((answer, index) => answer === `stream ${index}`));
        await until(() => client.streams.size === 0 && server.streams.size === 0);
      });
    });

    it('10,000 streams one after another', async () => {
      const count = 100 * Math.ceil(100 * volume);
      let served = 0;
      const serverHandler = (stream: Parameters<typeof echo>[0]): void => {
        served++;
        stream.end('ok');
        stream.resume();
      };
      await withPair(factory, { serverHandler }, async ({ client, server }) => {
        let last = -1;
        for (let i = 0; i < count; i += 100) {
          await Promise.all(
            Array.from({ length: 100 }, async () => {
              const stream = await client.createStream({});
              assert.ok(stream.id > last);
              stream.end();
              await readAll(stream);
            }),
          );
          last = 2 * i;
        }
        assert.equal(served, count);
        await until(() => client.streams.size === 0 && server.streams.size === 0);
        const next = await client.createStream({});
        assert.equal(next.id, 2 * count + 1);
      });
    });
  });
}
