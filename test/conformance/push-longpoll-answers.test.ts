// What etcd 3.5.21 answered with --enable-v2, request by request, and what our handler answers. The numbers are those of a
// store that begins at 3, as that of etcd with one member does.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EventLog, longPollHandler } from '../../src/push/index.js';
import { ask, serve, type EventServer, type JsonAnswer } from '../support/push-json.js';

let server: EventServer;
let log: EventLog;

before(async () => {
  log = new EventLog({ origin: 'aaaaaaaa' });
  const handler = longPollHandler(log);
  server = await serve((req, res) => handler(req, res));
  for (let i = 0; i < 3; i++) log.publish('_cluster', '');
});
after(async () => {
  log.close();
  await server[Symbol.asyncDispose]();
});

const get = async (path: string, method = 'GET'): Promise<JsonAnswer> => await ask(server.url + path, { method });

/** Without what is ours. */
function etcdPart({ status, lines, text }: JsonAnswer): readonly [status: number, body: unknown] {
  const [body] = lines;
  if (typeof body !== 'object' || body === null) return [status, text];
  const { cursor: _, type: __, ...rest } = body as { readonly cursor?: string; readonly type?: string };
  return [status, rest];
}

describe('answers of etcd v2', () => {
  it('a key that is not there: 404, error 100', async () => {
    const answer = await get('/v2/keys/foo');
    assert.equal(answer.text, '{"errorCode":100,"message":"Key not found","cause":"/foo","index":3}\n');
    assert.deepEqual([answer.status, answer.headers['x-etcd-index']], [404, '3']);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual(etcdPart(await get('/v2/keys/a%20b')), [
      404,
      { errorCode: 100, message: 'Key not found', cause: '/a b', index: 3 },
    ]);
  });

  it('a key that is', async () => {
    log.publish('foo', 'one');
    log.publish('foo', 'two');
    const answer = await get('/v2/keys/foo');
    assert.equal(
      answer.text,
      '{"action":"get","node":{"key":"/foo","value":"two","modifiedIndex":5,"createdIndex":5}}\n',
    );
    assert.deepEqual([answer.status, answer.headers['x-etcd-index']], [200, '5']);
  });

  for (const index of [4, 5] as const) {
    it(`wait from ${index}, which is in the history`, async () => {
      const value = index === 4 ? 'one' : 'two';
      const answer = await get(`/v2/keys/foo?wait=true&waitIndex=${index}`);
      const node = { key: '/foo', value, modifiedIndex: index, createdIndex: index };
      assert.deepEqual(etcdPart(answer), [200, { action: 'set', node }]);
      assert.equal(answer.headers['x-etcd-index'], '5');
      assert.ok(answer.text.endsWith('\n'));
    });
  }

  it('wait from before the first event of the key gives the first', async () => {
    const node = { key: '/foo', value: 'one', modifiedIndex: 4, createdIndex: 4 };
    assert.deepEqual(etcdPart(await get('/v2/keys/foo?wait=true&waitIndex=1')), [200, { action: 'set', node }]);
  });

  const NAN = { errorCode: 203, message: 'The given index in POST form is not a number', index: 0 };
  const FIELD = { errorCode: 209, message: 'Invalid field', index: 0 };
  for (const [path, body] of [
    ['/foo?wait=true&waitIndex=abc', { ...NAN, cause: 'invalid value for "waitIndex"' }],
    ['/foo?wait=true&waitIndex=', { ...NAN, cause: 'invalid value for "waitIndex"' }],
    ['/foo?wait=true&waitIndex=-1', { ...NAN, cause: 'invalid value for "waitIndex"' }],
    ['/foo?wait=true&waitIndex=18446744073709551616', { ...NAN, cause: 'invalid value for "waitIndex"' }],
    ['/foo?waitIndex=x', { ...NAN, cause: 'invalid value for "waitIndex"' }],
    ['/foo?wait=maybe', { ...FIELD, cause: 'invalid value for "wait"' }],
    ['/foo?wait=', { ...FIELD, cause: 'invalid value for "wait"' }],
    ['/foo?recursive=yes', { ...FIELD, cause: 'invalid value for "recursive"' }],
  ] as const) {
    it(`GET ${path}: 400, error ${body.errorCode}`, async () => {
      const answer = await get(`/v2/keys${path}`);
      assert.deepEqual(etcdPart(answer), [400, body]);
      assert.equal(answer.headers['x-etcd-index'], '0');
    });
  }

  it('HEAD has the head of GET, and cannot wait', async () => {
    const [head, body] = [await get('/v2/keys/foo', 'HEAD'), await get('/v2/keys/foo')];
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['content-length'], body.headers['content-length']);
    assert.equal(head.headers['x-etcd-index'], '5');
    assert.equal((await get('/v2/keys/foo?wait=true', 'HEAD')).status, 400);
  });

  it('what changes keys is not served: 405', async () => {
    for (const method of ['PUT', 'POST', 'DELETE', 'PATCH']) {
      const answer = await get('/v2/keys/foo', method);
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD'], method);
    }
  });

  it('directories, but for their indexes', async () => {
    log.publish('dir/a', '1');
    log.publish('dir/b/c', '2');
    const a = { key: '/dir/a', value: '1', modifiedIndex: 6, createdIndex: 6 };
    const c = { key: '/dir/b/c', value: '2', modifiedIndex: 7, createdIndex: 7 };
    assert.deepEqual(etcdPart(await get('/v2/keys/dir/')), [
      200,
      { action: 'get', node: { key: '/dir', dir: true, nodes: [a, { key: '/dir/b', dir: true }] } },
    ]);
    assert.deepEqual(etcdPart(await get('/v2/keys/dir?recursive=true&sorted=true')), [
      200,
      { action: 'get', node: { key: '/dir', dir: true, nodes: [a, { key: '/dir/b', dir: true, nodes: [c] }] } },
    ]);
  });

  it('wait below a directory', async () => {
    const node = { key: '/dir/a', value: '1', modifiedIndex: 6, createdIndex: 6 };
    assert.deepEqual(etcdPart(await get('/v2/keys/dir?wait=true&waitIndex=3&recursive=true')), [
      200,
      { action: 'set', node },
    ]);
  });

  it('a key that was taken away is told once, without its value, and then not there', async () => {
    log.publish('foo', 'bye', { type: 'delete' });
    // What came with the event is not lost, but beside what etcd has.
    assert.deepEqual(etcdPart(await get('/v2/keys/foo?wait=true&waitIndex=8')), [
      200,
      { action: 'delete', node: { key: '/foo', modifiedIndex: 8, createdIndex: 8 }, data: 'bye' },
    ]);
    assert.deepEqual(etcdPart(await get('/v2/keys/foo')), [
      404,
      { errorCode: 100, message: 'Key not found', cause: '/foo', index: 8 },
    ]);
  });

  it('a history that has been cleared: 400, error 401 with the newest index', async () => {
    for (let i = 0; i < 1100; i++) log.publish('foo', String(i));
    const answer = await get('/v2/keys/foo?wait=true&waitIndex=4');
    const oldest = log.oldestIndex('foo');
    assert.equal(
      answer.text,
      '{"errorCode":401,"message":"The event in requested index is outdated and cleared",' +
        `"cause":"the requested history has been cleared [${oldest}/4]","index":1108}\n`,
    );
    assert.deepEqual([answer.status, answer.headers['x-etcd-index']], [400, '1108']);
    const next = await get(`/v2/keys/foo?wait=true&waitIndex=${oldest}`);
    assert.equal(next.status, 200);
  });
});
