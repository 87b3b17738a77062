import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SERVE = new URL('../../../src/serve/index.js', import.meta.url).href;
const MESH = new URL('../../../src/mesh/index.js', import.meta.url).href;

/** Loads nothing of this name. */
function without(name: string): string {
  const hooks = `export async function resolve(specifier, context, next) {
    if (specifier === '${name}') throw Object.assign(new Error('there is no ${name}'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(specifier, context);
  }`;
  const register = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`;
  return `data:text/javascript,${encodeURIComponent(register)}`;
}

/** Runs a program without an optional package, and gives what it prints. */
async function print(missing: string, program: string): Promise<unknown> {
  const text = `import { PodServer } from '${SERVE}';
    import { LocalhostPeerFinder } from '${MESH}';
    const options = { finder: new LocalhostPeerFinder(), port: 0, internalPort: 0, times: { aloneAfter: 20 } };
    ${program}`;
  const args = ['--import', without(missing), '--input-type=module', '-e', text];
  const { stdout } = await run(process.execPath, args, { timeout: 20_000 });
  return JSON.parse(stdout);
}

describe('a pod without optional packages', () => {
  it('answers /metrics with 501 that tells what to install', async () => {
    const answer = await print(
      'prom-client',
      `const pod = new PodServer(options);
      await pod.start();
      const metrics = await fetch(pod.url + '/metrics');
      const published = await fetch(pod.url + '/publish?stream=a', { method: 'POST', body: 'x' });
      console.log(JSON.stringify([metrics.status, await metrics.json(), published.status]));
      await pod.close({ timeout: 0 });`,
    );
    const error = 'metrics need the optional package prom-client; install it with: npm install prom-client@15';
    assert.deepEqual(answer, [501, { error, code: 'ERR_MISSING_PACKAGE' }, 200]);
  });

  it('does not start where gRPC is wanted and cannot be had', async () => {
    const answer = await print(
      '@grpc/grpc-js',
      `const pod = new PodServer({ ...options, grpcPort: 0 });
      const failure = await pod.start().catch((error) => error);
      console.log(JSON.stringify([failure.code, failure.message]));`,
    );
    const [code, message] = answer as [string, string];
    assert.equal(code, 'ERR_MISSING_PACKAGE');
    assert.match(message, /npm install @grpc\/grpc-js @grpc\/proto-loader/);
  });
});
