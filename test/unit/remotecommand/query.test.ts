import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgumentError } from '../../../src/errors/index.js';
import { parseQuery, writeQuery } from '../../../src/remotecommand/query.js';

test('reads the form of the API server', () => {
  const query = new URLSearchParams(
    'command=sh&command=-c&command=echo+%2Fx&container=c&stdin=true&stdout=true&stderr=true',
  );
  assert.deepEqual(parseQuery(query), {
    command: ['sh', '-c', 'echo /x'],
    container: 'c',
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
  });
});

test('reads the form of the kubelet', () => {
  assert.deepEqual(parseQuery(new URLSearchParams('command=ls&input=1&output=1&error=1')), {
    command: ['ls'],
    container: undefined,
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
  });
});

test('a terminal has no stderr', () => {
  const query = new URLSearchParams('command=sh&stdin=true&stdout=true&stderr=true&tty=1');
  assert.equal(parseQuery(query).stderr, false);
  assert.equal(parseQuery(query).tty, true);
  assert.throws(() => parseQuery(query, 'reject'), InvalidArgumentError);
});

for (const query of ['', 'command=ls', 'stdin=false&stdout=0', 'tty=true&stderr=true', 'stdout=yes', 'error=2']) {
  test(`refuses ${JSON.stringify(query)}`, () => {
    assert.throws(() => parseQuery(new URLSearchParams(query)), { code: 'ERR_INVALID_ARGUMENT', initiator: 'remote' });
  });
}

test('writes what it reads, keeping other names', () => {
  const query = new URLSearchParams('keep=1&command=old&tty=true&stderr=true&container=old');
  const request = { command: ['a b', '&'], container: undefined, stdin: true, stdout: true, stderr: false, tty: false };
  writeQuery(query, request);
  assert.equal(query.toString(), 'keep=1&command=a+b&command=%26&stdin=true&stdout=true');
  assert.deepEqual(parseQuery(query), request);
});
