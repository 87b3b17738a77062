import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamHeaders } from '../../../src/httpstream/index.js';
import type { PodTarget } from '../../../src/remotecommand/index.js';
import { connectionOf, targetUrl } from '../../../src/remotecommand/target.js';

const WANTED = { command: ['ls', '/ x'], container: 'c', stdin: false, stdout: true, stderr: true, tty: false };

test('a pod becomes an address under the path of its server', () => {
  assert.equal(
    targetUrl({ server: 'https://h:6443/k8s/clusters/c-1/', namespace: 'n', pod: 'p-0' }, 'exec', WANTED).href,
    'https://h:6443/k8s/clusters/c-1/api/v1/namespaces/n/pods/p-0/exec?command=ls&command=%2F+x&container=c&stdout=true&stderr=true',
  );
  assert.equal(
    targetUrl({ server: new URL('http://h'), pod: 'p' }, 'attach', { ...WANTED, command: [], container: undefined })
      .href,
    'http://h/api/v1/namespaces/default/pods/p/attach?stdout=true&stderr=true',
  );
});

test('a URL keeps its query except for what is asked', () => {
  const given = new URL('http://h/exec?token=t&command=a&container=x&stdin=true');
  const url = targetUrl(given, 'exec', { ...WANTED, command: [], container: undefined });
  assert.equal(url.search, '?token=t&container=x&command=a&stdout=true&stderr=true');
  assert.equal(given.search, '?token=t&command=a&container=x&stdin=true', 'the given URL is left alone');
  assert.equal(targetUrl({ url: given }, 'exec', WANTED).searchParams.getAll('command').join(), 'ls,/ x');
});

for (const name of ['', '..', 'a/b', 'A', 'a?b', '-a', 'a%2fb']) {
  test(`refuses the pod ${JSON.stringify(name)}`, () => {
    assert.throws(() => targetUrl({ server: 'http://h', pod: name }, 'exec', WANTED), { code: 'ERR_INVALID_ARGUMENT' });
  });
}

test('a name that untyped callers left out is refused', () => {
  const target: PodTarget = Object.assign({ server: 'http://h', pod: 'p' }, { pod: undefined });
  assert.throws(() => targetUrl(target, 'exec', WANTED), { code: 'ERR_INVALID_ARGUMENT' });
});

test('an unusable address is refused without being shown', () => {
  for (const url of ['not a url with s3cret', 'ftp://u:s3cret@h/']) {
    assert.throws(
      () => targetUrl(url, 'exec', WANTED),
      (error: Error & { code?: string }) => error.code === 'ERR_INVALID_ARGUMENT' && !error.message.includes('s3cret'),
    );
  }
});

test('credentials: fixed ones, then what is asked for', async () => {
  const { headers } = await connectionOf({
    server: 'http://h',
    pod: 'p',
    headers: { a: '1' },
    token: 'old',
    credentials: () => Promise.resolve({ token: 'fresh' }),
  });
  assert.deepEqual(
    [...(headers as StreamHeaders)],
    [
      ['a', '1'],
      ['authorization', 'Bearer fresh'],
    ],
  );
  assert.deepEqual(await connectionOf('http://h'), {});
  await assert.rejects(connectionOf({ url: 'http://h', token: 'a\r\nb' }), { code: 'ERR_INVALID_ARGUMENT' });
});
