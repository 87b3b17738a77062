import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_LIMITS, resolveLimits, type Limits } from '../../../src/index.js';
import { Budget } from '../../../src/limits/budget.js';

const MAY_BE_ZERO = new Set([
  'acceptBacklog',
  'maxHeaderFramesPerStream',
  'resetBurst',
  'resetsPerSecond',
  'emptyFrameBurst',
  'emptyFramesPerSecond',
  'writeTimeout',
  'closeTimeout',
  'errorBodyBytes',
]);
const CEILING = 2 ** 24 - 1;
const INVALID = { code: 'ERR_INVALID_ARGUMENT' };

describe('resolveLimits', () => {
  it('gives the defaults, which are valid and cannot be changed', () => {
    assert.deepEqual(resolveLimits(), DEFAULT_LIMITS);
    assert.deepEqual(resolveLimits({ ...DEFAULT_LIMITS }), DEFAULT_LIMITS);
    assert.ok(Object.isFrozen(DEFAULT_LIMITS) && Object.isFrozen(resolveLimits()));
  });

  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    it(`${name}: its least value passes, one below does not; nor does what is no whole number`, () => {
      const least = MAY_BE_ZERO.has(name) ? 0 : 1;
      assert.equal(
        resolveLimits({
          ...(name === 'receiveBudgetBytes' ? { maxStreams: 1, streamBufferBytes: 1 } : {}),
          [name]: least,
        })[name],
        least,
      );
      for (const value of [least - 1, least + 0.5, Number.NaN, Infinity, '5', null, undefined]) {
        assert.throws(() => resolveLimits({ [name]: value }), { ...INVALID, message: new RegExp(name) });
      }
    });
  }

  for (const name of ['maxDataFrameIn', 'maxDataFrameOut', 'maxControlFrameBytes'] as const) {
    it(`${name}: what 24 bits can say passes, one more does not`, () => {
      assert.equal(resolveLimits({ [name]: CEILING })[name], CEILING);
      assert.throws(() => resolveLimits({ [name]: CEILING + 1 }), INVALID);
    });
  }

  it('receiveBudgetBytes: streams may fill it, not exceed it', () => {
    assert.ok(resolveLimits({ maxStreams: 4, streamBufferBytes: 25, receiveBudgetBytes: 100 }));
    assert.throws(() => resolveLimits({ maxStreams: 4, streamBufferBytes: 26, receiveBudgetBytes: 100 }), {
      ...INVALID,
      message: /receiveBudgetBytes/,
    });
  });

  it('refuses names that are none', () => {
    for (const name of ['maxStream', 'toString', '__proto__x']) {
      assert.throws(() => resolveLimits({ [name]: 1 } as Partial<Limits>), { ...INVALID, message: /unknown limit/ });
    }
  });
});

describe('Budget', () => {
  it('allows its burst, then its rate', () => {
    const budget = new Budget(3, 2, 0);
    assert.deepEqual([budget.spend(0), budget.spend(0), budget.spend(0), budget.spend(0)], [true, true, true, false]);
    assert.equal(budget.spend(499), false);
    assert.equal(budget.spend(500), true);
    assert.equal(budget.spend(500), false);
  });

  it('gathers no more than its burst, and time that goes back gives nothing', () => {
    const budget = new Budget(2, 1000, 0);
    assert.deepEqual([budget.spend(1e9), budget.spend(1e9), budget.spend(1e9)], [true, true, false]);
    assert.equal(budget.spend(0), false);
  });

  it('of nothing allows nothing', () => {
    const budget = new Budget(0, 0, 0);
    assert.equal(budget.spend(1e9), false);
  });
});
