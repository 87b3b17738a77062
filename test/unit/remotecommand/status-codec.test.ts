import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../../src/errors/index.js';
import { ExecError } from '../../../src/remotecommand/exec-error.js';
import { decodeStatus, encodeStatus, statusOf } from '../../../src/remotecommand/status-codec.js';

const V4 = 'v4.channel.k8s.io';

test('success is the JSON of the originals', () => {
  assert.equal(encodeStatus(statusOf(0), V4), '{"metadata":{},"status":"Success"}');
});

test('an exit code is the JSON of the originals', () => {
  assert.equal(
    encodeStatus(statusOf(7, ['sh', '-c', 'exit 7']), V4),
    '{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: error executing command [sh -c exit 7], exit code 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}',
  );
});

test('an error is an internal error with code 500', () => {
  const status = statusOf(new Error('no such container'));
  assert.equal(status.reason, 'InternalError');
  assert.equal(status.code, 500);
  assert.equal(status.message, 'Internal error occurred: error executing command in container: no such container');
});

test('a Status is passed on, also inside an ExecError', () => {
  const status = { status: 'Failure', reason: 'NotFound', code: 404 };
  assert.equal(statusOf(status), status);
  assert.equal(statusOf(new ExecError('gone', status)), status);
});

for (const code of [-1, 256, 1.5, Number.NaN, Infinity]) {
  test(`exit code ${code} is an internal error`, () => {
    assert.equal(statusOf(code).reason, 'InternalError');
  });
}

test('before v4 the message goes out as text, and nothing for success', () => {
  for (const protocol of ['channel.k8s.io', 'v2.channel.k8s.io', 'v3.channel.k8s.io'] as const) {
    assert.equal(encodeStatus(statusOf(0), protocol), '');
    assert.equal(encodeStatus(statusOf(7), protocol), 'command terminated with non-zero exit code: exit code 7');
    assert.equal(encodeStatus({ status: 'Failure', reason: 'NotFound' }, protocol), 'NotFound');
    assert.equal(encodeStatus({ status: 'Failure' }, protocol), 'unknown error');
  }
});

test('before v4 text is a failure and silence success', () => {
  assert.deepEqual(decodeStatus('', 'v2.channel.k8s.io'), { exitCode: 0, status: undefined });
  assert.throws(() => decodeStatus('boom', 'v3.channel.k8s.io'), {
    code: 'ERR_EXEC',
    message: 'error executing remote command: boom',
  });
});

test('from v4 on silence is no report', () => {
  assert.equal(decodeStatus('', V4), undefined);
});

test('every exit code comes back', () => {
  for (let code = 0; code <= 255; code++) {
    assert.equal(decodeStatus(encodeStatus(statusOf(code), V4), V4)?.exitCode, code);
  }
});

for (const text of ['{', 'null', '[]', '"x"', '7', 'true']) {
  test(`${text} is no Status`, () => {
    assert.throws(() => decodeStatus(text, V4), ProtocolError);
  });
}

for (const causes of ['{}', '7', '[7,null]', '[{"reason":"Other","message":"1"}]']) {
  test(`causes ${causes} give no exit code`, () => {
    const text = `{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":${causes}}}`;
    assert.throws(() => decodeStatus(text, V4), /no ExitCode cause given/);
  });
}

for (const message of ['"256"', '"-1"', '"1e2"', '" 1"', '""', '7', 'null']) {
  test(`exit code ${message} is invalid`, () => {
    const text = `{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":${message}}]}}`;
    assert.throws(() => decodeStatus(text, V4), /invalid exit code value/);
  });
}

test('errors show long texts only in part', () => {
  assert.throws(
    () => decodeStatus('x'.repeat(100_000), V4),
    (error: Error) => error.message.length < 500,
  );
});
