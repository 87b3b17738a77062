import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { EtcdFailure } from '../../../../src/push/longpoll/etcd-error.js';
import { parseKeyRequest, type KeyRequest } from '../../../../src/push/longpoll/request.js';

function parse(path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}): KeyRequest | EtcdFailure {
  const req = new IncomingMessage(new Socket());
  Object.assign(req, { url: `/v2/keys${path}`, method, headers });
  return parseKeyRequest(req, '/v2/keys');
}

function refused(path: string, method?: string): readonly [status: number, code: number, cause: string | undefined] {
  const failure = parse(path, method);
  assert.ok('status' in failure, `${path} was taken`);
  return [failure.status, failure.body.errorCode, failure.body.cause];
}

function taken(path: string, headers?: Readonly<Record<string, string>>): KeyRequest {
  const request = parse(path, 'GET', headers);
  assert.ok(!('status' in request), `${path} was refused`);
  return request;
}

describe('a request for a key', () => {
  it('has defaults', () => {
    assert.deepEqual(taken('/foo'), {
      key: '/foo',
      streams: ['foo'],
      wait: false,
      stream: false,
      recursive: false,
      sorted: false,
      waitIndex: 0,
      cursor: undefined,
      run: undefined,
    });
  });
  it("reads booleans as Go's strconv does", () => {
    for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) assert.equal(taken(`/a?wait=${text}`).wait, true, text);
    for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False'])
      assert.equal(taken(`/a?wait=${text}`).wait, false, text);
    for (const name of ['wait', 'recursive', 'stream', 'sorted', 'quorum']) {
      for (const text of ['', 'yes', 'tRUE', '2', ' true']) {
        assert.deepEqual(refused(`/a?${name}=${encodeURIComponent(text)}`), [400, 209, `invalid value for "${name}"`]);
      }
    }
  });
  it('reads the index as an unsigned number of 64 bits', () => {
    for (const [text, index] of [
      ['0', 0],
      ['7', 7],
      ['007', 7],
      ['9007199254740991', 2 ** 53 - 1],
      ['18446744073709551615', 2 ** 53 - 1],
    ] as const) {
      assert.equal(taken(`/a?wait=true&waitIndex=${text}`).waitIndex, index);
    }
    for (const text of ['', '-1', '+1', '1.5', '1e3', '0x1', ' 1', '18446744073709551616', '9'.repeat(65)]) {
      const query = `waitIndex=${encodeURIComponent(text)}`;
      assert.deepEqual(refused(`/a?${query}`), [400, 203, 'invalid value for "waitIndex"'], text);
    }
  });
  it('counts the first of repeated parameters', () => {
    assert.equal(taken('/a?waitIndex=3&waitIndex=x').waitIndex, 3);
  });
  it('waits with GET only', () => {
    assert.deepEqual(refused('/a?wait=true', 'HEAD'), [400, 209, '"wait" can only be used with GET requests']);
  });
  it('takes a cursor in place of an index, not beside one', () => {
    assert.equal(taken('/a?wait=true&cursor=abc').cursor, 'abc');
    assert.equal(refused('/a?wait=true&cursor=abc&waitIndex=1')[1], 209);
  });
  it('names the run in a header or the query', () => {
    assert.equal(taken('/a?run=one').run, 'one');
    assert.equal(taken('/a?run=one', { 'trunkline-run': 'two' }).run, 'two');
  });
  it('reads what is below where that is asked for', () => {
    assert.deepEqual(taken('/a?recursive=true').streams, ['a', 'a/*']);
    assert.deepEqual(taken('/a/').streams, ['a', 'a/*']);
    assert.deepEqual(taken('/a/?wait=true').streams, ['a']);
    assert.deepEqual(taken('/').streams, ['*']);
    assert.equal(refused('/?wait=true')[1], 209);
    assert.deepEqual(taken('/?wait=true&recursive=true').streams, ['*']);
  });
  it('takes no star for a pattern', () => {
    assert.equal(refused('/a*')[1], 209);
    assert.equal(refused('/%2a?wait=true')[1], 209);
  });
});
