import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { kubectl, type KubectlOptions, type KubectlResult, type Wire } from './support/kubectl.js';
import { refuseWebSockets, type RefusingProxy } from './support/refusing-proxy.js';

const EXIT_CODES = [0, 1, 7, 127, 137, 255];

describe('kubectl against trunkline cluster', () => {
  let cluster: ClusterProcess;
  let proxy: RefusingProxy;
  let pod: string;

  before(async () => {
    cluster = await startClusterProcess();
    proxy = await refuseWebSockets(cluster.apiServer);
    pod = cluster.pods[0]?.name ?? '';
  });
  after(async () => {
    await proxy?.close();
    await cluster?.stop();
  });

  const run = (args: readonly string[], options: Partial<KubectlOptions> = {}): Promise<KubectlResult> =>
    kubectl(args, { server: cluster.apiServer, ...options });

  it('version answers', async () => {
    const { code, stdout } = await run(['version']);
    assert.equal(code, 0);
    assert.match(stdout, /Server Version: v/);
  });

  it('get pods lists three running pods', async () => {
    const { code, stdout, stderr } = await run(['get', 'pods']);
    assert.equal(code, 0, stderr);
    const [header, ...rows] = stdout.trim().split('\n');
    assert.match(header ?? '', /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE$/);
    assert.equal(rows.length, 3);
    for (const row of rows) assert.match(row, /\s1\/1\s+Running\s/);
  });

  it('get pods -o wide shows the pod IPs, -o json the objects', async () => {
    const wide = await run(['get', 'pods', '-o', 'wide']);
    for (const { ip } of cluster.pods) assert.ok(wide.stdout.includes(ip), wide.stdout);
    const json = await run(['get', 'pod', pod, '-o', 'json']);
    assert.equal((JSON.parse(json.stdout) as { status: { phase: string } }).status.phase, 'Running');
  });

  it('get of a pod that is not there says so', async () => {
    const { code, stderr } = await run(['get', 'pod', 'nobody']);
    assert.equal(code, 1);
    assert.match(stderr, /pods "nobody" not found/);
  });

  it('logs -f follows', async () => {
    let lines = 0;
    const { stdout } = await run(['logs', '-f', pod], {
      onOutput: (text, kill) => {
        lines += text.split('\n').length - 1;
        if (lines >= 4) kill();
      },
    });
    assert.ok(stdout.split('\n').length > 4);
  });

  it('attach shows what the pod writes from now on', async () => {
    const { stdout } = await run(['attach', pod], { onOutput: (_text, kill) => kill() });
    assert.notEqual(stdout, '');
  });

  it('exec in a pod that is not there, or without a command that exists, fails with a message', async () => {
    const nobody = await run(['exec', 'nobody', '--', 'true']);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /not found/);
    const nothing = await run(['exec', pod, '--', 'no-such-command']);
    assert.notEqual(nothing.code, 0);
    assert.match(nothing.stderr, /no-such-command/);
  });

  for (const wire of ['websocket', 'spdy', 'fallback'] as const) {
    describe(`exec over ${wire}`, () => {
      const exec = (command: readonly string[], options: Partial<KubectlOptions> = {}): Promise<KubectlResult> => {
        const server = wire === 'fallback' ? proxy.url : cluster.apiServer;
        const over: Wire = wire === 'spdy' ? 'spdy' : 'websocket';
        const stdin = options.input === undefined ? [] : ['-i'];
        return kubectl(['exec', ...stdin, pod, '--', ...command], { server, wire: over, ...options });
      };

      it('takes the wire it should', async () => {
        const refused = proxy.refused();
        const { code, stdout, stderr } = await exec(['echo', 'hello']);
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'hello\n', stderr: '' });
        assert.equal(proxy.refused() - refused, wire === 'fallback' ? 1 : 0);
      });

      for (const exitCode of EXIT_CODES) {
        it(`exit code ${exitCode}`, async () => {
          const { code, stderr } = await exec(['sh', '-c', `exit ${exitCode}`]);
          assert.equal(code, exitCode);
          if (exitCode !== 0) assert.match(stderr, new RegExp(`exit code ${exitCode}`));
        });
      }

      it('half-close: stdin ends, output and exit code still arrive', async () => {
        const { code, stdout } = await exec(['sh', '-c', 'wc -c; exit 7'], { input: Buffer.alloc(3_000_000, 'x') });
        assert.deepEqual([code, stdout.trim()], [7, '3000000']);
      });

      it('stdout and stderr stay apart', async () => {
        const { stdout, stderr } = await exec(['sh', '-c', 'echo out; echo err >&2']);
        assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
      });

      it('32 MiB through stdin and back, digest equal', async () => {
        const input = randomBytes(32 * 1024 * 1024);
        const { code, stdoutBytes, stdoutSha256 } = await exec(['cat'], { input });
        assert.equal(code, 0);
        assert.equal(stdoutBytes, input.length);
        assert.equal(stdoutSha256, createHash('sha256').update(input).digest('hex'));
      });

      it('runs in the environment of the pod', async () => {
        const { stdout } = await exec(['sh', '-c', 'echo $POD_NAME $POD_IP']);
        assert.equal(stdout.trim(), `${pod} ${cluster.pods[0]?.ip}`);
      });
    });
  }
});
