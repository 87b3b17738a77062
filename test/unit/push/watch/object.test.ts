import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, type LogEvent } from '../../../../src/push/index.js';
import { bookmark, eventObject, watchFramer, type WatchFormat } from '../../../../src/push/watch/object.js';

const log = new EventLog({ origin: 'aaaaaaaa' });
const event: LogEvent = log.publish('orders', { id: 7 }, { type: 'created', key: 'k' });

function formatOf(overrides: Partial<WatchFormat> = {}): WatchFormat {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    toObject: eventObject,
    watchType: () => 'ADDED',
    onFailure: () => assert.fail('failed'),
    ...overrides,
  };
}

function lineOf(format: WatchFormat): unknown {
  const [line] = watchFramer(format).event(event, 'cursor');
  assert.ok(line !== undefined);
  const text = line.bytes.toString();
  assert.equal(text.indexOf('\n'), text.length - 1);
  const parsed = JSON.parse(text) as { object: unknown };
  assert.deepEqual(JSON.parse(line.bytes.toString('utf8', line.objectAt, line.bytes.length - 2)), parsed.object);
  return parsed;
}

describe('an event as an object', () => {
  it('is an object of its own by default', () => {
    assert.deepEqual(lineOf(formatOf()), {
      type: 'ADDED',
      object: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'aaaaaaaa-1', resourceVersion: 'cursor' },
        stream: 'orders',
        type: 'created',
        data: '{"id":7}',
        key: 'k',
      },
    });
  });
  it('can be any object; the version is ours', () => {
    const metadata = { name: 'n', namespace: 'ns', resourceVersion: 'theirs', labels: { a: 'b' } };
    const format = formatOf({
      toObject: () => ({ kind: 'Pod', metadata, spec: { x: 1 } }) as object,
      watchType: () => 'DELETED',
    });
    assert.deepEqual(lineOf(format), {
      type: 'DELETED',
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, resourceVersion: 'cursor' },
        spec: { x: 1 },
      },
    });
    assert.equal(watchFramer(format).event(event, 'c')[0]?.name, 'ns/n');
  });
  for (const [what, overrides] of Object.entries<Partial<WatchFormat>>({
    'toObject throws': {
      toObject: () => {
        throw new Error('no');
      },
    },
    'watchType throws': {
      watchType: () => {
        throw new Error('no');
      },
    },
    'watchType gives something else': { watchType: () => 'BOOKMARK' as 'ADDED' },
    'toObject gives nothing': { toObject: () => JSON.parse('null') as object },
  })) {
    it(`becomes an error when ${what}`, () => {
      const failed: LogEvent[] = [];
      const framer = watchFramer(formatOf({ ...overrides, onFailure: (one) => failed.push(one) }));
      const [line] = framer.event(event, 'c');
      assert.deepEqual([line?.type, line?.special, failed], ['ERROR', true, [event]]);
      assert.equal((JSON.parse(String(line?.bytes)) as { object: { code: number } }).object.code, 500);
    });
  }
});

describe('other lines', () => {
  it('a gap is a Status that says where the log goes on', () => {
    const missing = [{ origin: 'aaaaaaaa', after: 3, through: 9 }];
    const [line] = watchFramer(formatOf()).gap(
      { kind: 'gap', reason: 'expired', streams: ['orders'], missing },
      'next',
    );
    assert.deepEqual(JSON.parse(String(line?.bytes)), {
      type: 'ERROR',
      object: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: { resourceVersion: 'next' },
        status: 'Failure',
        message: 'too old resource version: events of orders are missing (expired)',
        reason: 'Expired',
        details: {
          causes: [{ reason: 'expired', message: 'n > 3 and n <= 9 of aaaaaaaa', field: 'resourceVersion' }],
        },
        code: 410,
      },
    });
    assert.equal(line?.gap, 'expired');
  });
  it('a bookmark has a version, and may end the initial events', () => {
    assert.deepEqual(JSON.parse(bookmark(formatOf(), 'c')), {
      type: 'BOOKMARK',
      object: { kind: 'Event', apiVersion: 'v1', metadata: { resourceVersion: 'c' } },
    });
    const { object } = JSON.parse(bookmark(formatOf(), 'c', true)) as { object: { metadata: object } };
    assert.deepEqual(object.metadata, {
      resourceVersion: 'c',
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
  });
});
