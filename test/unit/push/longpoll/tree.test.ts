import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog } from '../../../../src/push/index.js';
import { defaultAction, type EtcdNode } from '../../../../src/push/longpoll/event.js';
import { nodeOfKey } from '../../../../src/push/longpoll/tree.js';

const log = new EventLog();
log.publish('dir/b/c', '2');
log.publish('dir/a', '1');
log.publish('dir', '0');
log.publish('gone', 'x');
log.publish('gone', '', { type: 'delete' });

function show(key: string, recursive: boolean, sorted = false): EtcdNode | undefined {
  const stream = key.slice(1);
  const newest = new Map(
    log.history(stream === '' ? '*' : [stream, `${stream}/*`]).map((event) => [event.stream, event]),
  );
  return nodeOfKey(key, newest.values(), defaultAction, { recursive, sorted });
}

const file = (key: string, value: string, index: number): EtcdNode => ({
  key,
  value,
  modifiedIndex: index,
  createdIndex: index,
});

describe('what a get shows', () => {
  it('is the newest event as a file', () => {
    assert.deepEqual(show('/dir/a', false), file('/dir/a', '1', 2));
    assert.deepEqual(show('/dir/a', true), file('/dir/a', '1', 2));
    assert.deepEqual(show('/dir', false), file('/dir', '0', 3));
  });
  it('is nothing where nothing is, or was taken away', () => {
    assert.equal(show('/none', true), undefined);
    assert.equal(show('/gone', false), undefined);
    assert.equal(show('/di', true), undefined);
  });
  it('is a directory, all of it or one level', () => {
    const c = { key: '/dir/b', dir: true as const, nodes: [file('/dir/b/c', '2', 1)] };
    assert.deepEqual(show('/dir/b', false), c);
    assert.deepEqual(show('/dir', true), {
      key: '/dir',
      dir: true,
      nodes: [file('/dir', '0', 3), c, file('/dir/a', '1', 2)],
    });
    assert.deepEqual(show('/', false), { dir: true, nodes: [file('/dir', '0', 3)] });
  });
  it('can be sorted', () => {
    assert.deepEqual(
      show('/dir', true, true)?.nodes?.map(({ key }) => key),
      ['/dir', '/dir/a', '/dir/b'],
    );
  });
  it('has a root, always', () => {
    assert.deepEqual(nodeOfKey('/', [], defaultAction, { recursive: true, sorted: true }), { dir: true });
  });
});
