import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
  ProxyError,
  StreamResetError,
  StreamsExhaustedError,
  TimeoutError,
  TrunklineError,
  UpgradeFailureError,
  isUpgradeFailure,
} from '../../../src/index.js';

type Root = typeof import('../../../src/index.js');

/** The package loaded a second time, as when two copies of it are installed. */
async function secondCopy(): Promise<Root['UpgradeFailureError']> {
  const url = new URL('../../../src/httpstream/upgrade-failure.js?copy', import.meta.url);
  const copy = (await import(url.href)) as Pick<Root, 'UpgradeFailureError'>;
  assert.notEqual(copy.UpgradeFailureError, UpgradeFailureError);
  return copy.UpgradeFailureError;
}

describe('errors', () => {
  it('each has its code, name, cause and initiator', () => {
    const options = { cause: 'why', initiator: 'remote' } as const;
    const all = [
      [new ConnectionLostError('m', options), 'ERR_CONNECTION_LOST', 'ConnectionLostError'],
      [new IdleTimeoutError('m', options), 'ERR_IDLE_TIMEOUT', 'IdleTimeoutError'],
      [new InvalidArgumentError('m', options), 'ERR_INVALID_ARGUMENT', 'InvalidArgumentError'],
      [new LimitExceededError('maxStreams', 'm', options), 'ERR_LIMIT_EXCEEDED', 'LimitExceededError'],
      [new ProtocolError('m', options), 'ERR_PROTOCOL', 'ProtocolError'],
      [new ProxyError('m', options), 'ERR_PROXY', 'ProxyError'],
      [new StreamResetError('refused', { ...options, message: 'm' }), 'ERR_STREAM_RESET', 'StreamResetError'],
      [new StreamsExhaustedError('m', options), 'ERR_STREAMS_EXHAUSTED', 'StreamsExhaustedError'],
      [new TimeoutError('m', 5, options), 'ERR_TIMEOUT', 'TimeoutError'],
      [new UpgradeFailureError('m', options), 'ERR_UPGRADE_FAILURE', 'UpgradeFailureError'],
    ] as const;
    for (const [error, code, name] of all) {
      assert.equal(error.code, code);
      assert.equal(error.name, name);
      assert.equal(error.message, 'm');
      assert.equal(error.cause, 'why');
      assert.equal(error.initiator, 'remote');
      assert.ok(error instanceof Error && error instanceof TrunklineError);
      assert.match(String(error.stack), /errors\.test/);
      for (const [other] of all)
        assert.equal(other instanceof (error.constructor as new () => object), other === error);
    }
    assert.equal(new Set(all.map(([, code]) => code)).size, all.length);
  });

  it('leaves cause out when there is none', () => {
    assert.equal('cause' in new ProtocolError('m'), false);
  });

  it('are told apart across two copies of the package', async () => {
    const Other = await secondCopy();
    const theirs = new Other('m', { statusCode: 403 });
    assert.ok(theirs instanceof UpgradeFailureError);
    assert.ok(theirs instanceof TrunklineError);
    assert.ok(isUpgradeFailure(theirs));
    assert.ok(!(theirs instanceof ProtocolError));
    assert.ok(new UpgradeFailureError('m') instanceof Other);
  });

  it('instanceof stands anything', () => {
    const brand = Symbol.for('trunkline.error');
    for (const value of [
      undefined,
      null,
      1,
      'x',
      {},
      new Error('x'),
      Object.create(null),
      Object.assign(Object.create(null), { [brand]: 'x' }),
    ]) {
      assert.equal(value instanceof UpgradeFailureError, false);
    }
  });

  it('isUpgradeFailure looks through causes, and stops in a circle', () => {
    const failure = new UpgradeFailureError('m');
    assert.ok(isUpgradeFailure(failure));
    assert.ok(isUpgradeFailure(new Error('outer', { cause: new Error('inner', { cause: failure }) })));
    assert.ok(!isUpgradeFailure(new Error('other')));
    assert.ok(!isUpgradeFailure(undefined));
    const circle = new Error('circle');
    circle.cause = circle;
    assert.ok(!isUpgradeFailure(circle));
  });

  it('a reset says by whom and why', () => {
    assert.match(new StreamResetError('cancel', { initiator: 'remote' }).message, /by the peer: cancel/);
    assert.match(new StreamResetError('cancel', { initiator: 'local' }).message, /by this side: cancel/);
  });
});
