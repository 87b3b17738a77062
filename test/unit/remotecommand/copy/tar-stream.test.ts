import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const HOOK = `export async function resolve(name, context, next) {
  if (name === 'tar-stream') throw Object.assign(new Error('not there'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(name, context);
}`;
const asModule = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
const REGISTER = `import { register } from 'node:module'; register(${JSON.stringify(asModule(HOOK))});`;

test('without tar-stream, what needs it says how to install it, and the entry point loads', async () => {
  const index = new URL('../../../../src/remotecommand/index.js', import.meta.url).href;
  const program = `
    import { copyFrom } from ${JSON.stringify(index)};
    try { await copyFrom('http://127.0.0.1:9/', '/x', '/tmp/y'); } catch (error) { console.log(error.code, error.message); }`;
  const args = ['--no-warnings', '--import', asModule(REGISTER), '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.match(stdout, /^ERR_MISSING_PACKAGE .*npm install tar-stream$/m);
});
