// client-go's remotecommand executors against our exec server.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { GoExecResult } from './support/exec-results.js';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import { buildGoPrograms, runGo, runGoOnce, type GoProgram } from './support/go-programs.js';
import { patternSha256 } from './support/pattern.js';

const executors = ['spdy', 'websocket', 'fallback'] as const;

let server: ExecServer;
before(async () => {
  buildGoPrograms();
  server = await startExecServer();
});
after(() => server.stop());

const execWith =
  (program: GoProgram, executor: string, address = () => server.address) =>
  (flags: readonly string[], ...command: string[]): Promise<GoExecResult> =>
    runGoOnce<GoExecResult>(
      program,
      ['-server', `http://${address()}`, '-pod', 'p', '-executor', executor, ...flags].concat('--', command),
    );

for (const program of ['execclient', 'execclient-0.32'] as const) {
  for (const executor of executors) {
    describe(`${program}, ${executor}`, () => {
      const exec = execWith(program, executor);

      for (const code of [0, 1, 7, 127, 137, 255]) {
        test(`exit code ${code}`, async () => {
          const result = await exec([], 'sh', '-c', `echo out; echo err >&2; exit ${code}`);
          assert.deepEqual([result.exit, result.stdout, result.stderr], [code, 'out\n', 'err\n'], result.err);
        });
      }

      test('a command that a signal ended, and one that is not there', async () => {
        assert.equal((await exec([], 'sh', '-c', 'kill -9 $$')).exit, 137);
        assert.equal((await exec([], '/nonexistent')).exit, 127);
      });

      test('half-close: stdin ends, output and exit code still arrive', async () => {
        const result = await exec(['-stdin', 'pattern:5000000'], 'sh', '-c', 'wc -c; exit 3');
        assert.deepEqual([result.exit, result.stdout.trim()], [3, '5000000'], result.err);
      });

      test('stdin arrives whole', async () => {
        const result = await exec(['-stdin', 'pattern:5000000'], 'digest');
        assert.deepEqual(
          [result.exit, JSON.parse(result.stdout)],
          [0, { bytes: 5_000_000, sha256: patternSha256(5_000_000) }],
        );
      });

      test('cat gives stdin back', async () => {
        const result = await exec(['-stdin', 'pattern:5000000'], 'cat');
        assert.deepEqual([result.exit, result.stdoutBytes, result.stdoutSha256], [0, 5_000_000, result.stdinSha256]);
      });

      test('a command that ends while stdin is open', async () => {
        const result = await exec(['-stdin', 'open'], 'sh', '-c', 'echo done; exit 4');
        assert.deepEqual([result.exit, result.stdout], [4, 'done\n'], result.err);
      });

      test('terminal sizes arrive in order', async () => {
        const flags = ['-tty', '-stdin', 'open', '-resize', '80x24,100x40,132x50', '-resize-interval', '20ms'];
        const result = await exec(flags, 'sizes', '3');
        assert.deepEqual([result.exit, result.stdout], [0, '80x24\n100x40\n132x50\n'], result.err);
      });

      test('stdout alone, and stderr alone', async () => {
        const out = await exec(['-stderr=false'], 'sh', '-c', 'echo out; echo err >&2');
        assert.deepEqual([out.exit, out.stdout, out.stderrBytes], [0, 'out\n', 0]);
        const err = await exec(['-stdout=false'], 'sh', '-c', 'echo out; echo err >&2');
        assert.deepEqual([err.exit, err.stdoutBytes, err.stderr], [0, 0, 'err\n']);
      });

      test('attach runs without a command', async () => {
        const result = await exec(['-verb', 'attach', '-stdin', 'pattern:1000']);
        assert.deepEqual([result.exit, result.stdoutSha256], [0, patternSha256(1000)], result.err);
      });
    });
  }

  describe(`${program} against a server without WebSocket`, () => {
    let refusing: ExecServer;
    before(async () => {
      refusing = await startExecServer('--no-websocket');
    });
    after(() => refusing.stop());

    test('the WebSocket executor sees a failed upgrade', async () => {
      const result = await execWith(program, 'websocket', () => refusing.address)([], 'true');
      assert.deepEqual([result.exit, result.upgradeFailed], [-1, true], result.err);
    });

    test('the fallback executor goes on over SPDY', async () => {
      const result = await execWith(program, 'fallback', () => refusing.address)([], 'sh', '-c', 'echo hi; exit 7');
      assert.deepEqual([result.exit, result.stdout], [7, 'hi\n'], result.err);
    });
  });
}

for (const executor of ['spdy', 'websocket']) {
  test(`200 concurrent execs over ${executor} leave nothing behind`, { timeout: 120_000 }, async () => {
    const start = await server.settled(({ open, processes }) => open === 0 && processes === 0);
    const flags = [
      '-server',
      `http://${server.address}`,
      '-pod',
      'p',
      '-executor',
      executor,
      '-stdin',
      'pattern:20000',
    ];
    const { lines } = await runGo<GoExecResult>(
      'execclient',
      [...flags, '-concurrency', '200', '--', 'sh', '-c', 'wc -c; echo oops >&2; exit 9'],
      { timeout: 100_000 },
    );
    assert.equal(lines.length, 200);
    for (const { exit, stdout, stderr, err } of lines) {
      assert.deepEqual([exit, stdout.trim(), stderr], [9, '20000', 'oops\n'], err);
    }
    const sockets = (stats: typeof start): number => stats.resources['TCPSocketWrap'] ?? 0;
    const now = await server.settled(
      (stats) => stats.open === 0 && stats.processes === 0 && sockets(stats) <= sockets(start),
    );
    assert.equal(now.served - start.served, 200);
  });
}
