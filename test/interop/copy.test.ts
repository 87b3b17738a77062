// Copies through exec servers in Go: cri-streaming over SPDY, and the API server's stream translator over WebSocket.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { copyFrom, copyTo } from '../../src/remotecommand/index.js';
import { listing, temporaryFolder } from '../support/folder.js';
import { startGoServer, type GoServer } from './support/go-programs.js';

describe('copies through a Go server', { timeout: 100_000 }, () => {
  let server: GoServer<unknown>;
  before(async () => {
    server = await startGoServer('execserver', []);
  });
  after(() => server.stop());

  for (const transport of ['websocket', 'spdy'] as const) {
    test(`over ${transport}: a tree and 32 MiB, up and down, and what tar says`, async () => {
      using folder = temporaryFolder();
      const at = (name: string): string => join(folder.path, name);
      mkdirSync(at('tree/empty'), { recursive: true });
      for (let i = 0; i < 100; i++) writeFileSync(at(`tree/f${i}`), randomBytes(i * 300));
      writeFileSync(at('tree/large'), randomBytes(32 * 1024 * 1024));
      symlinkSync('f1', at('tree/link'));
      const target = { server: `http://${server.address}`, pod: 'p' };
      await copyTo(target, at('tree'), at('up'), { transport });
      assert.deepEqual(listing(at('up'), true), listing(at('tree'), true));
      await copyFrom(target, at('up'), at('down'), { transport });
      assert.deepEqual(listing(at('down'), true), listing(at('tree'), true));
      const missing = { code: 'ERR_COPY', exitCode: 2, stderr: /missing: Cannot stat/ };
      await assert.rejects(copyFrom(target, at('missing'), at('x'), { transport }), missing);
    });
  }
});
