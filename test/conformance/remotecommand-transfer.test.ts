import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { listen, until } from './remotecommand-server.js';

const MIB = 1024 * 1024;
const BLOCK = randomBytes(MIB);

/** `count` MiB that differ from each other, one per pull. */
function* mebibytes(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    const block = Buffer.from(BLOCK);
    block.writeUInt32BE(i);
    yield block;
  }
}

function digest(count: number): string {
  const hash = createHash('sha256');
  for (const block of mebibytes(count)) hash.update(block);
  return hash.digest('hex');
}

for (const transport of ['spdy', 'websocket'] as const) {
  describe(`remotecommand over ${transport}: many bytes`, () => {
    it('64 MiB of stdout arrive as written', { timeout: 60_000 }, async () => {
      await using server = await listen(
        remoteCommandHandler(async ({ stdout }) => {
          if (stdout !== undefined) await pipeline(Readable.from(mebibytes(64)), stdout);
        }),
      );
      const hash = createHash('sha256');
      const stdout = new Writable({
        write(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          done();
        },
      });
      await exec(server.url, { command: ['x'], stdout, transport });
      assert.equal(hash.digest('hex'), digest(64));
    });

    it('16 MiB of stdin arrive as written', { timeout: 60_000 }, async () => {
      await using server = await listen(
        remoteCommandHandler(async ({ stdin, stdout }) => {
          const hash = createHash('sha256');
          for await (const chunk of stdin ?? []) hash.update(chunk as Buffer);
          stdout?.write(hash.digest('hex'));
        }),
      );
      const { stdout } = await exec(server.url, { command: ['x'], stdin: mebibytesOf(16), transport });
      assert.equal(stdout, digest(16));
    });

    it(
      'a reader that stops stops the writer, delays nobody, and gets everything later',
      { timeout: 60_000 },
      async () => {
        const progress = { written: 0 };
        let finished = false;
        await using server = await listen(
          remoteCommandHandler(async ({ command, stdout }) => {
            if (command[0] !== 'much') return 0;
            for (const block of mebibytes(64)) {
              if (stdout?.write(block) === false) await once(stdout, 'drain');
              progress.written += block.length;
            }
            finished = true;
            return 5;
          }),
        );
        const held: (() => void)[] = [];
        let stopped = true;
        const hash = createHash('sha256');
        const stdout = new Writable({
          highWaterMark: 1,
          write(chunk: Buffer, _encoding, done) {
            hash.update(chunk);
            if (stopped) held.push(done);
            else done();
          },
        });
        const slow = exec(server.url, { command: ['much'], stdout, transport });
        // The writer stands still when it has written no more while whole other sessions passed.
        let before = -1;
        while (before <= 0 || before !== progress.written) {
          before = progress.written;
          for (let i = 0; i < 20; i++) {
            assert.equal((await exec(server.url, { command: ['little'], transport })).exitCode, 0);
          }
        }
        assert.equal(finished, false);
        // Both kernels' buffers, the buffers of both ends, and one block under way.
        assert.ok(before < 24 * MIB, `${before} bytes were taken from a writer whose reader had stopped`);
        stopped = false;
        for (const done of held) done();
        assert.equal((await slow).exitCode, 5);
        assert.equal(hash.digest('hex'), digest(64));
      },
    );

    it('the end of the output waits for a slow reader', { timeout: 60_000 }, async () => {
      await using server = await listen(
        remoteCommandHandler(async ({ stdout }) => {
          for (const block of mebibytes(8)) stdout?.write(block);
        }),
      );
      let seen = 0;
      const stdout = new Writable({
        highWaterMark: 1,
        write(chunk: Buffer, _encoding, done) {
          seen += chunk.length;
          setImmediate(done);
        },
      });
      const { exitCode } = await exec(server.url, { command: ['x'], stdout, transport });
      assert.equal(exitCode, 0);
      assert.equal(seen, 8 * MIB, 'settled before all was written to the sink');
      await until(() => server.sockets.size === 0);
    });
  });
}

async function* mebibytesOf(count: number): AsyncGenerator<Buffer> {
  yield* mebibytes(count);
}
