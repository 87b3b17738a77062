// @kubernetes/client-node's Exec and Attach against our exec server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PassThrough, Readable } from 'node:stream';
import { Attach, Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import { HashingSink } from './support/hashing-sink.js';
import { textOf } from './support/ops.js';
import { patternSha256, patternStream } from './support/pattern.js';

let server: ExecServer;
let config: KubeConfig;
before(async () => {
  server = await startExecServer();
  config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server: `http://${server.address}`, skipTLSVerify: true }, { name: 'u' });
});
after(() => server.stop());

interface Outcome {
  readonly status: V1Status;
  readonly stdout: string;
  readonly stderr: string;
}

async function execute(command: string[], stdin: Readable | null): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = Promise.all([textOf(stdout), textOf(stderr)]);
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config).exec('default', 'p', 'c', command, stdout, stderr, stdin, false, resolve).catch(reject);
  });
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { status, stdout: out, stderr: err };
}

for (const code of [0, 1, 7, 127, 137, 255]) {
  test(`exit code ${code}`, async () => {
    const { status, stdout, stderr } = await execute(['sh', '-c', `echo out; echo err >&2; exit ${code}`], null);
    assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
    if (code === 0) {
      assert.equal(status.status, 'Success');
    } else {
      assert.deepEqual([status.status, status.reason], ['Failure', 'NonZeroExitCode']);
      assert.deepEqual(status.details?.causes, [{ reason: 'ExitCode', message: String(code) }]);
    }
  });
}

test('half-close: stdin ends, output and exit code still arrive', async () => {
  const { status, stdout } = await execute(['sh', '-c', 'wc -c; exit 3'], patternStream(3_000_000));
  assert.equal(stdout.trim(), '3000000');
  assert.equal(status.details?.causes?.[0]?.message, '3');
});

test('64 MiB of output arrive whole', async () => {
  const bytes = 64 * 1024 * 1024;
  const stdout = new HashingSink();
  const status = await new Promise<V1Status>((resolve, reject) => {
    const command = ['pattern', String(bytes)];
    new Exec(config).exec('default', 'p', 'c', command, stdout, null, null, false, resolve).catch(reject);
  });
  assert.equal(status.status, 'Success');
  assert.deepEqual(stdout.result(), { bytes, sha256: patternSha256(bytes) });
});

test('attach', async () => {
  const stdout = new PassThrough();
  const socket = await new Attach(config).attach('default', 'p', 'c', stdout, null, Readable.from(['four']), false);
  socket.addEventListener('close', () => stdout.end());
  assert.equal(await textOf(stdout), 'four');
});
