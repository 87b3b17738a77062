import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { listen } from './remotecommand-server.js';

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.alloc(16 * 1024);
}

describe('exec that has failed', { timeout: 10_000 }, () => {
  for (const transport of ['websocket', 'spdy'] as const) {
    it(`over ${transport} gives its sink no more output`, async () => {
      await using server = await listen(
        remoteCommandHandler(async ({ stdout, signal }) => {
          if (stdout !== undefined) await pipeline(endless(), stdout, { end: false, signal });
        }),
      );
      for (let after = 1; after < 12; after++) {
        const stop = new AbortController();
        let chunks = 0;
        let over = false;
        const late: Buffer[] = [];
        const stdout = new Writable({ highWaterMark: 1024, write: (_chunk, _encoding, done) => queueMicrotask(done) });
        const write = stdout.write.bind(stdout) as (chunk: Buffer, done: () => void) => boolean;
        stdout.write = (chunk: Buffer, done: unknown) => {
          if (over) late.push(chunk);
          else if (++chunks === after) stop.abort(new Error('enough'));
          return write(chunk, done as () => void);
        };
        await assert.rejects(
          exec(server.url, { command: ['endless'], transport, stdout, signal: stop.signal }).finally(
            () => (over = true),
          ),
          /enough/,
        );
        for (let i = 0; i < 20; i++) await setImmediate();
        assert.equal(late.length, 0);
      }
    });
  }
});
