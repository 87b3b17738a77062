// 1 GiB of output on each wire: digests, memory of both ends, and a reader that stops.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { GoExecResult } from './support/exec-results.js';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import { buildGoPrograms, runGoOnce, startGo } from './support/go-programs.js';
import { residentBytes, watchMemory } from './support/memory.js';
import { patternSha256 } from './support/pattern.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const LARGEST_GROWTH = 64 * MiB;

let expected: { bytes: number; sha256: string };
let server: ExecServer;
before(async () => {
  buildGoPrograms();
  expected = { bytes: GiB, sha256: patternSha256(GiB) };
  server = await startExecServer();
});
after(() => server.stop());

function assertGrowth(what: string, from: number, to: number): void {
  const grown = to - from;
  assert.ok(grown < LARGEST_GROWTH, `${what} grew by ${(grown / MiB).toFixed(1)} MiB`);
}

for (const wire of ['spdy', 'websocket'] as const) {
  const goFlags = (): string[] => ['-server', `http://${server.address}`, '-pod', 'p', '-executor', wire];
  const goExec = (flags: readonly string[], ...command: string[]): Promise<GoExecResult> =>
    runGoOnce<GoExecResult>('execclient', [...goFlags(), ...flags, '--', ...command], { timeout: 100_000 });

  describe(`1 GiB over ${wire}`, { timeout: 200_000 }, () => {
    test('to client-go', async (t) => {
      const small = await goExec([], 'pattern', String(MiB));
      const start = residentBytes(server.pid);
      const memory = watchMemory(server.pid);
      const result = await goExec([], 'pattern', String(GiB));
      memory.stop();
      assert.deepEqual(
        [result.exit, result.stdoutBytes, result.stdoutSha256],
        [0, expected.bytes, expected.sha256],
        result.err,
      );
      t.diagnostic(`server grew by ${((memory.peak() - start) / MiB).toFixed(1)} MiB`);
      assertGrowth('the server', start, memory.peak());
      assertGrowth('client-go', small.maxRssBytes, result.maxRssBytes);
    });

    test('from client-go, through stdin', async (t) => {
      await goExec(['-stdin', `pattern:${MiB}`], 'digest');
      const start = residentBytes(server.pid);
      const memory = watchMemory(server.pid);
      const result = await goExec(['-stdin', `pattern:${GiB}`], 'digest');
      memory.stop();
      assert.deepEqual([result.exit, JSON.parse(result.stdout)], [0, expected], result.err);
      t.diagnostic(`server grew by ${((memory.peak() - start) / MiB).toFixed(1)} MiB`);
      assertGrowth('the server', start, memory.peak());
    });

    test('to our own client', async (t) => {
      const program = fileURLToPath(new URL('support/exec-client-main.js', import.meta.url));
      const args = [program, `http://${server.address}`, wire, String(GiB)];
      const client = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const lines = createInterface({ input: client.stdout });
      await once(lines, 'line');
      const pid = client.pid ?? 0;
      const start = { client: residentBytes(pid), server: residentBytes(server.pid) };
      const memory = { client: watchMemory(pid), server: watchMemory(server.pid) };
      client.stdin.write('go\n');
      const [line] = (await once(lines, 'line')) as [string];
      memory.client.stop();
      memory.server.stop();
      client.stdin.end();
      await once(client, 'exit');
      assert.deepEqual(JSON.parse(line), { exitCode: 0, ...expected });
      for (const end of ['client', 'server'] as const) {
        t.diagnostic(`${end} grew by ${((memory[end].peak() - start[end]) / MiB).toFixed(1)} MiB`);
        assertGrowth(`our ${end}`, start[end], memory[end].peak());
      }
    });

    test('a reader that stops for 10 s: memory stays bounded, and other execs go on', async (t) => {
      const start = residentBytes(server.pid);
      const memory = watchMemory(server.pid);
      const paused = startGo<GoExecResult>(
        'execclient',
        [...goFlags(), '-pause-after', String(8 * MiB), '-pause-for', '10s', '--', 'pattern', String(256 * MiB)],
        100_000,
      );
      await server.settled(({ open }) => open === 1);
      for (let i = 0; i < 50; i++) {
        const other = await goExec([], 'sh', '-c', 'echo hi; exit 7');
        assert.deepEqual([other.exit, other.stdout], [7, 'hi\n'], other.err);
      }
      // All of them together take far less than the pause, unless it holds them up.
      assert.equal(paused.lines.length, 0, 'the others ended only after the paused one');
      const { lines } = await paused.finished;
      memory.stop();
      t.diagnostic(`server grew by ${((memory.peak() - start) / MiB).toFixed(1)} MiB`);
      const sha256 = patternSha256(256 * MiB);
      assert.deepEqual([lines[0]?.exit, lines[0]?.stdoutSha256], [0, sha256], lines[0]?.err);
      assertGrowth('the server', start, memory.peak());
    });
  });
}
