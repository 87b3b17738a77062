// kubectl against our exec server, on each wire.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import { textOf } from './support/ops.js';
import { patternSha256, patternStream } from './support/pattern.js';

interface Outcome {
  readonly exit: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

let server: ExecServer;
let refusing: ExecServer;
let home: string;
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'kubectl-'));
  [server, refusing] = await Promise.all([startExecServer(), startExecServer('--no-websocket')]);
});
after(async () => {
  await Promise.all([server.stop(), refusing.stop()]);
  rmSync(home, { recursive: true });
});

async function kubectl(address: string, webSocket: boolean, args: readonly string[], stdin = ''): Promise<Outcome> {
  return await kubectlWith(address, webSocket, args, (input) => input.end(stdin));
}

async function kubectlWith(
  address: string,
  webSocket: boolean,
  args: readonly string[],
  feed: (input: NodeJS.WritableStream) => void,
): Promise<Outcome> {
  const child = spawn('kubectl', [`--server=http://${address}`, ...args], {
    env: { PATH: process.env['PATH'], HOME: home, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(webSocket) },
    stdio: 'pipe',
  });
  child.stdin.on('error', () => {});
  feed(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [stderr, [exit]] = await Promise.all([textOf(child.stderr), once(child, 'close') as Promise<[number | null]>]);
  return { exit, stdout: Buffer.concat(chunks), stderr };
}

for (const [name, webSocket, address] of [
  ['WebSocket', true, () => server.address],
  ['SPDY', false, () => server.address],
  ['SPDY after a refused WebSocket', true, () => refusing.address],
] as const) {
  describe(`kubectl over ${name}`, { timeout: 120_000 }, () => {
    for (const code of [0, 1, 7, 127, 137, 255]) {
      test(`exit code ${code}`, async () => {
        const command = ['sh', '-c', `echo out; echo err >&2; exit ${code}`];
        const { exit, stdout, stderr } = await kubectl(address(), webSocket, ['exec', 'p', '--', ...command]);
        assert.deepEqual([exit, String(stdout)], [code, 'out\n'], stderr);
        assert.match(stderr, /^err$/m);
      });
    }

    test('half-close: stdin ends, output and exit code still arrive', async () => {
      const args = ['exec', '-i', 'p', '--', 'sh', '-c', 'wc -c; exit 3'];
      const outcome = await kubectlWith(address(), webSocket, args, (input) => patternStream(5_000_000).pipe(input));
      assert.deepEqual([outcome.exit, String(outcome.stdout).trim()], [3, '5000000'], outcome.stderr);
    });

    test('32 MiB of output arrive whole', async () => {
      const bytes = 32 * 1024 * 1024;
      const outcome = await kubectl(address(), webSocket, ['exec', 'p', '--', 'pattern', String(bytes)]);
      assert.deepEqual([outcome.exit, outcome.stdout.length], [0, bytes], outcome.stderr);
      assert.equal(createHash('sha256').update(outcome.stdout).digest('hex'), patternSha256(bytes));
    });

    test('attach', async () => {
      const outcome = await kubectl(address(), webSocket, ['attach', '-i', 'p'], 'hello');
      assert.deepEqual([outcome.exit, String(outcome.stdout)], [0, 'hello'], outcome.stderr);
    });
  });
}
