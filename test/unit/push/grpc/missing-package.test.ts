import assert from 'node:assert/strict';
import Module from 'node:module';
import { describe, it } from 'node:test';
import { MissingPackageError } from '../../../../src/errors/index.js';
import { grpcWatchService } from '../../../../src/push/grpc/index.js';
import { EventLog } from '../../../../src/push/log/event-log.js';

describe('the gRPC watch without its packages', () => {
  it('says which one is missing, and how to install it', () => {
    const cause = new Error("Cannot find module '@grpc/proto-loader'");
    const load: unknown = Reflect.get(Module, '_load');
    assert.ok(typeof load === 'function');
    Reflect.set(Module, '_load', (request: string, ...rest: unknown[]): unknown => {
      if (request === '@grpc/proto-loader') throw cause;
      return Reflect.apply(load, Module, [request, ...rest]) as unknown;
    });
    try {
      assert.throws(
        () => grpcWatchService(new EventLog()),
        (error) => {
          assert.ok(error instanceof MissingPackageError);
          assert.match(error.message, /npm install @grpc\/grpc-js @grpc\/proto-loader/);
          assert.equal(error.cause, cause);
          return true;
        },
      );
    } finally {
      Reflect.set(Module, '_load', load);
    }
    assert.equal(typeof grpcWatchService(new EventLog()).implementation.Watch, 'function');
  });
});
