import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exec, remoteCommandHandler, type ExecOptions } from '../../../src/remotecommand/index.js';

const INVALID = { code: 'ERR_INVALID_ARGUMENT' };
const unreached = (): never => assert.fail('dialled');

/** Options as untyped callers can write them. */
function untyped(text: string): object {
  return JSON.parse(text) as object;
}

for (const wrong of [
  '{"transport":"http"}',
  '{"pingPeriod":-1}',
  '{"pingPeriod":"5"}',
  '{"limits":{"nope":1}}',
  '{"stdin":null}',
  '{"stdin":5}',
  '{"stdin":{}}',
  '{"stdout":true}',
  '{"stderr":{}}',
]) {
  test(`exec refuses ${wrong} before it dials`, async () => {
    const options: ExecOptions = { command: ['true'], ...untyped(wrong) };
    await assert.rejects(exec({ server: 'http://h', pod: 'p', dialer: unreached }, options), INVALID);
  });
}

for (const wrong of ['{"spdyProtocols":["v9.channel.k8s.io"]}', '{"creationTimeout":-1}']) {
  test(`the handler refuses ${wrong}`, () => {
    assert.throws(() => remoteCommandHandler(() => 0, untyped(wrong)), INVALID);
  });
}
