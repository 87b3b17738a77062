import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { grpcWatchService, type GrpcWatchOptions } from '../../../../src/push/grpc/index.js';
import { checkVerdict } from '../../../../src/push/grpc/options.js';
import { readRequest, type ReceivedRequest } from '../../../../src/push/grpc/request.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import { loadWatchMethod } from '../../../support/grpc-watch.js';

describe('grpcWatchService', () => {
  it('refuses options that do not exist or are out of range', () => {
    const log = new EventLog();
    const wrong: object[] = [
      { authorise: () => true },
      { authorize: true },
      { wildcards: 1 },
      { ahead: 'maybe' },
      { maxCalls: 0 },
      { maxWatches: 1.5 },
      { writeTimeout: -1 },
      { progressInterval: Number.NaN },
    ];
    for (const options of wrong) {
      assert.throws(
        () => grpcWatchService(log, options as GrpcWatchOptions),
        InvalidArgumentError,
        JSON.stringify(options),
      );
    }
    assert.doesNotThrow(() => grpcWatchService(log, { wildcards: true, maxCalls: 1 }));
  });

  it('takes only clear answers of an authorize hook', () => {
    assert.equal(checkVerdict(true), true);
    assert.equal(checkVerdict(false), false);
    assert.deepEqual(checkVerdict({ peer: 'ann' }), { peer: 'ann' });
    assert.deepEqual(checkVerdict({ code: 16, details: 'who?' }), { code: 16, details: 'who?' });
    for (const verdict of [undefined, null, 1, 'yes', {}, { code: 0 }, { code: 17 }, { code: '7' }, { peer: 1 }]) {
      assert.throws(() => checkVerdict(verdict), InvalidArgumentError);
    }
  });
});

describe('requests of the watch service', () => {
  const method = loadWatchMethod();

  it('are read by kind', () => {
    const service = grpcWatchService(new EventLog(), { maxRequestBytes: 100 }).definition.Watch;
    const one = (request: object): unknown => {
      const bytes = method.requestSerialize(request);
      const received = service.requestDeserialize(bytes) as ReceivedRequest;
      assert.equal(received.bytes, bytes.length);
      return received.request;
    };
    assert.deepEqual(
      one({ create_request: { streams: ['a', 'b'], start_revision: '9007199254740993', watch_id: 3 } }),
      {
        kind: 'create',
        streams: ['a', 'b'],
        startRevision: '9007199254740993',
        progressNotify: false,
        watchId: '3',
        cursor: '',
        run: '',
      },
    );
    assert.deepEqual(one({ cancel_request: { watch_id: -1 } }), { kind: 'cancel', watchId: '-1' });
    assert.deepEqual(one({ progress_request: {} }), { kind: 'progress' });
    assert.deepEqual(one({}), { kind: 'unknown' });
  });

  it('that are too long, or no messages, are malformed and throw nothing', () => {
    const decode = (): never => assert.fail('not looked at');
    const tooLong = { request: { kind: 'malformed', reason: 'a request has at most 1000 bytes' }, bytes: 1_001 };
    assert.deepEqual(readRequest(Buffer.alloc(1_001), 1_000, decode), tooLong);
    const service = grpcWatchService(new EventLog()).definition.Watch;
    for (const bytes of [Buffer.of(0xff), Buffer.of(0x0a, 0x7f), Buffer.from('{"create_request":{}}')]) {
      const request = { kind: 'malformed', reason: 'a request is no WatchRequest' };
      assert.deepEqual(service.requestDeserialize(bytes), { request, bytes: bytes.length });
    }
  });
});
