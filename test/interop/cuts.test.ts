// Connections cut at each stage: our server leaks nothing, and our client never takes a cut for success.
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { ConnectionLostError } from '../../src/errors/index.js';
import { UpgradeFailureError } from '../../src/httpstream/index.js';
import { exec } from '../../src/remotecommand/index.js';
import { startTcpProxy, type Cut } from '../support/tcp-proxy.js';
import type { GoExecResult } from './support/exec-results.js';
import { startExecServer, type ExecServer, type ExecServerStats } from './support/exec-server.js';
import { buildGoPrograms, runGo, startGoServer, type GoServer } from './support/go-programs.js';
import { patternStream } from './support/pattern.js';

let server: ExecServer;
let goServer: GoServer<unknown>;
let home: string;
before(async () => {
  buildGoPrograms();
  home = mkdtempSync(join(tmpdir(), 'kubectl-'));
  server = await startExecServer();
  goServer = await startGoServer('execserver', []);
  // What the server's process sets up once must not look like a leak.
  for (const transport of ['spdy', 'websocket'] as const) {
    await exec(
      { server: `http://${server.address}`, pod: 'p' },
      { command: ['sh', '-c', 'echo; echo >&2'], transport },
    );
  }
});
after(async () => {
  await Promise.all([server.stop(), goServer.stop()]);
  rmSync(home, { recursive: true });
});

/** Where the whole session has passed: before the request, in its head, in the answer, in the streams, in the data. */
const stages: readonly Cut[] = [
  ...[0, 1, 200].map((at) => ({ direction: 'up', after: at }) as const),
  ...[0, 10, 100, 150].map((at) => ({ direction: 'down', after: at }) as const),
  // Frames of stream creation, one byte at a time where headers are cut.
  ...[700, 760, 780, 800, 820, 2_000, 50_000].map((at) => ({ direction: 'up', after: at }) as const),
  ...[180, 200, 210, 220, 230, 240, 260, 300, 5_000, 200_000].map((at) => ({ direction: 'down', after: at }) as const),
];

const resources = ['TCPSocketWrap', 'ProcessWrap', 'PipeWrap', 'Timeout'];
const counted = ({ open, processes, resources: all }: ExecServerStats): Record<string, number> => ({
  open,
  processes,
  ...Object.fromEntries(resources.map((name) => [name, all[name] ?? 0])),
});

/** Runs what leaves the server as it was, or rejects. */
async function leavesNothing(run: () => Promise<unknown>): Promise<void> {
  const start = counted(await server.settled(({ open, processes }) => open === 0 && processes === 0));
  await run();
  await server.settled((stats) => {
    const now = counted(stats);
    return Object.entries(start).every(([name, count]) => (now[name] ?? 0) <= count);
  });
}

const describeCut = ({ direction, after: at }: Cut): string => `${direction} after ${at} bytes`;

for (const wire of ['spdy', 'websocket'] as const) {
  describe(`client-go over ${wire}, cut`, () => {
    for (const cut of stages) {
      test(`${describeCut(cut)}: the server leaks nothing`, { timeout: 30_000 }, () =>
        leavesNothing(async () => {
          await using proxy = await startTcpProxy({ target: server.address, cut });
          const flags = ['-server', `http://${proxy.address}`, '-pod', 'p', '-executor', wire, '-timeout', '2s'];
          const command = ['-stdin', 'pattern:100000', '--', 'sh', '-c', 'cat; seq 100000; sleep 60'];
          const { lines } = await runGo<GoExecResult>('execclient', [...flags, ...command]);
          assert.equal(lines.length, 1);
          assert.equal(proxy.cuts(), 1, 'the cut took place');
        }),
      );
    }
  });

  describe(`kubectl over ${wire}, cut`, () => {
    for (const cut of stages) {
      test(`${describeCut(cut)}: the server leaks nothing`, { timeout: 30_000 }, () =>
        leavesNothing(async () => {
          // kubectl asks for the pod first, on connections of their own.
          await using proxy = await startTcpProxy({ target: server.address, cut: { ...cut, request: /\/exec\?/ } });
          const kubectl = startKubectl(proxy.address, wire, ['sh', '-c', 'cat; seq 100000; sleep 60']);
          // It can wait 30 s for an answer that was cut off.
          const exited = once(kubectl, 'exit', { signal: AbortSignal.timeout(2_000) }).catch(() =>
            kubectl.kill('SIGKILL'),
          );
          patternStream(100_000).pipe(kubectl.stdin);
          kubectl.stdout.resume();
          await exited;
          assert.equal(proxy.cuts(), 1, 'the cut took place');
        }),
      );
    }

    test('while a command runs: the server leaks nothing, the command ends', { timeout: 60_000 }, () =>
      leavesNothing(async () => {
        await using proxy = await startTcpProxy({ target: server.address });
        const kubectl = startKubectl(proxy.address, wire, ['cat']);
        const exited = once(kubectl, 'exit');
        kubectl.stdin.write('hello\n');
        await once(kubectl.stdout, 'data');
        proxy.cutNow();
        await server.settled(({ open, processes }) => open === 0 && processes === 0);
        kubectl.stdin.end();
        await exited;
      }),
    );

    test('kubectl killed: the server leaks nothing, the command ends', { timeout: 60_000 }, () =>
      leavesNothing(async () => {
        const kubectl = startKubectl(server.address, wire, ['sh', '-c', 'echo; sleep 60']);
        const exited = once(kubectl, 'exit');
        await once(kubectl.stdout, 'data');
        kubectl.kill('SIGKILL');
        await exited;
      }),
    );
  });

  for (const [peer, address] of [
    ['our server', () => server.address],
    ['a Go server', () => goServer.address],
  ] as const) {
    describe(`our client over ${wire} to ${peer}`, () => {
      for (const cutBy of ['reset', 'end'] as const) {
        for (const cut of stages) {
          test(`cut by ${cutBy} ${describeCut(cut)}: an error, never success`, { timeout: 30_000 }, async () => {
            await using proxy = await startTcpProxy({ target: address(), cut, cutBy });
            const running = exec(
              { server: `http://${proxy.address}`, pod: 'p' },
              { command: ['sh', '-c', 'cat; seq 100000; sleep 60'], stdin: patternStream(100_000), transport: wire },
            );
            await assert.rejects(running, (error) => {
              assert.ok(
                error instanceof ConnectionLostError || error instanceof UpgradeFailureError || isSystemError(error),
                String(error),
              );
              return true;
            });
            assert.equal(proxy.cuts(), 1, 'the cut took place');
          });
        }

        test(
          `cut by ${cutBy} anywhere in the answer of a short command: success only with all output`,
          { timeout: 60_000 },
          async () => {
            let complete = false;
            for (let at = 120; !complete; at += 7) {
              await using proxy = await startTcpProxy({
                target: address(),
                cut: { direction: 'down', after: at },
                cutBy,
              });
              try {
                const options = { command: ['sh', '-c', 'echo out; echo err >&2; exit 7'], transport: wire };
                const result = await exec({ server: `http://${proxy.address}`, pod: 'p' }, options);
                assert.deepEqual([result.exitCode, result.stdout, result.stderr], [7, 'out\n', 'err\n']);
                complete = proxy.cuts() === 0;
              } catch (error) {
                if (error instanceof assert.AssertionError) throw error;
                assert.ok(
                  error instanceof ConnectionLostError || error instanceof UpgradeFailureError || isSystemError(error),
                  String(error),
                );
              }
              assert.ok(at < 2_000, 'a short answer ends');
            }
          },
        );
      }
    });
  }
}

function startKubectl(
  address: string,
  wire: 'spdy' | 'websocket',
  command: readonly string[],
): ChildProcessByStdio<Writable, Readable, null> {
  const child = spawn('kubectl', [`--server=http://${address}`, 'exec', '-i', 'p', '--', ...command], {
    env: { PATH: process.env['PATH'], HOME: home, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(wire === 'websocket') },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  return child;
}

/** What dialling or reading the answer's head throws; the call has not begun then. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
