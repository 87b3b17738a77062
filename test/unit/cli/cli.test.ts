import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { listen } from '../../../src/apiserver/listen.js';
import { describeFailure } from '../../../src/cli/failures.js';
import { instructions, readyLine } from '../../../src/cli/ready.js';
import type { Cluster } from '../../../src/cluster/index.js';
import { projectRoot } from '../../support/project-root.js';
import { isAlive, until } from '../cluster/support.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const run = promisify(execFile);

/** Runs the command to its end. */
async function trunkline(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [main, ...args])) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

const POD = { namespace: 'default', port: 8000, internalPort: 7000 };
const cluster: Cluster = {
  apiServer: 'http://127.0.0.1:8001',
  dashboard: 'http://127.0.0.1:8080',
  kubeconfig: '/tmp/kubeconfig',
  pods: [
    { ...POD, name: 'a', ip: '127.1.1.2', pid: 5, ready: true, events: 'http://127.1.1.2:8000/events?stream=x' },
    {
      ...POD,
      name: 'b',
      ip: '127.1.1.3',
      pid: undefined,
      ready: false,
      events: 'http://127.1.1.3:8000/events?stream=x',
    },
  ],
  close: () => Promise.resolve(),
  kill: () => Promise.resolve(),
  replace: () => Promise.resolve(undefined),
  killAll: () => {},
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

describe('what is printed', () => {
  it('as JSON is one line of exactly these keys', () => {
    const line = readyLine(cluster);
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.deepEqual(JSON.parse(line), {
      apiServer: 'http://127.0.0.1:8001',
      dashboard: 'http://127.0.0.1:8080',
      pods: [
        { name: 'a', ip: '127.1.1.2', pid: 5, events: 'http://127.1.1.2:8000/events?stream=x' },
        { name: 'b', ip: '127.1.1.3', pid: null, events: 'http://127.1.1.3:8000/events?stream=x' },
      ],
    });
  });

  it('for people has commands to copy, with a real pod', () => {
    const text = instructions(cluster);
    assert.match(text, /kubectl --server=http:\/\/127\.0\.0\.1:8001 exec -it a -- sh\n/);
    assert.match(text, /port-forward a 8888:8000\n/);
    assert.match(text, /b {2}not running/);
    assert.match(text, /curl -N 'http:\/\/127\.1\.1\.2:8000\/events\?stream=x'\n/);
    assert.match(text, /curl -d 'hello' 'http:\/\/127\.1\.1\.3:8000\/publish\?stream=x'\n/);
    const own = instructions({
      ...cluster,
      pods: [{ ...POD, name: 'a', ip: 'x', pid: 1, ready: true, events: 'http://x/events' }],
    });
    assert.doesNotMatch(own, /curl/);
  });

  it('when a cluster cannot start says what to do', () => {
    const flags = { apiPort: 1, port: 2 };
    const failure = (code: string, port: number): Error => Object.assign(new Error(code), { code, port, address: 'x' });
    assert.match(describeFailure(failure('EADDRINUSE', 1), flags), /^port 1 on x is in use.*--api-port/);
    assert.match(describeFailure(failure('EADDRINUSE', 2), flags), /^port 2 on x is in use.*--port/);
    assert.match(describeFailure(failure('EACCES', 2), flags), /^not permitted/);
    assert.match(describeFailure(failure('EADDRNOTAVAIL', 2), flags), /--host/);
    assert.equal(describeFailure(new Error('other'), flags), 'other');
    assert.equal(describeFailure('text', flags), 'text');
  });
});

describe('trunkline', { timeout: 60_000 }, () => {
  it('tells its version and how it is used', async () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    assert.equal((await trunkline('--version')).stdout, `${version}\n`);
    assert.match((await trunkline('--help')).stdout, /cluster/);
    assert.match((await trunkline('cluster', '--help')).stdout, /--api-port/);
  });

  it('refuses what makes no sense in a line or two, with exit code 1', async () => {
    const busy = createServer();
    const { port } = await listen(busy, '127.0.0.1', 0);
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [['cluster', '--api-port', String(port), '--port', '0'], /^trunkline: port \d+ on 127\.0\.0\.1 is in use.*\n$/],
      [['cluster', '--api-port', '0', '--port', String(port)], /^trunkline: port \d+ on 127\.0\.0\.1 is in use.*\n$/],
      [
        ['cluster', '--host', '0.0.0.0'],
        /^trunkline: refusing to listen on 0\.0\.0\.0.*--insecure-allow-any-address.*\n$/,
      ],
      [
        ['cluster', '--api-port', '0', '--port', '0', '--', 'no-such-program'],
        /^trunkline: exec: "no-such-program": .*\n$/,
      ],
      [['cluster', '--pods', '0'], /whole number from 1 to 253/],
      [['cluster', '--port', '65536'], /whole number from 0 to 65535/],
      [['cluster', '--nope'], /unknown option/],
      [['nope'], /unknown command/],
    ];
    try {
      for (const [args, message] of rows) {
        const { code, stdout, stderr } = await trunkline(...args);
        assert.deepEqual([code, stdout], [1, ''], args.join(' '));
        assert.match(stderr, message);
      }
    } finally {
      busy.close();
    }
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`prints one line with --json, and stops in order on ${signal}`, async () => {
      const args = [main, 'cluster', '--json', '--pods', '1', '--api-port', '0', '--port', '0'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += String(chunk);
      });
      await until(() => text.endsWith('\n'));
      const { pods } = JSON.parse(text) as { pods: { pid: number }[] };
      const before = text;
      child.kill(signal);
      // npm passes on what the terminal has already sent: together they are one.
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      assert.equal(text, before);
      await until(() => !pods.some(({ pid }) => isAlive(pid)));
    });
  }
});
