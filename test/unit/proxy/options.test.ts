import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  UpgradeAwareProxy,
  streamTranslator,
  streamTunnel,
  type UpgradeAwareProxyOptions,
} from '../../../src/proxy/index.js';
import { ByteBudget } from '../../../src/proxy/byte-budget.js';

describe('the options of the proxies', () => {
  const bad: Readonly<Record<string, Partial<UpgradeAwareProxyOptions>>> = {
    'a target that is no address': { target: 'backend' },
    'a target of another scheme': { target: 'ftp://backend/' },
    'a target with a line break': { target: 'http://backend/\r\nX: y' },
    'a header with a line break': { headers: { 'X-Note': 'a\r\nb' } },
    'a name of a header to remove that is none': { removeHeaders: ['a b'] },
    'an upgrade token that is none': { upgradeTokens: ['a b'] },
    'a rate below 0': { maxBytesPerSecond: -1 },
    'a rate that is no number': { maxBytesPerSecond: NaN },
    'no room for a header': { maxResponseHeaderBytes: 0 },
    'a timeout below 0': { idleTimeout: -1 },
    'an endless timeout': { halfCloseTimeout: Infinity },
    'no time for refusals': { refusalTimeout: 0 },
    'an unknown limit': { limits: { nonsense: 1 } as Record<string, number> },
  };
  for (const [name, options] of Object.entries(bad)) {
    it(`${name}: refused when the proxy is made`, () => {
      const all = { target: 'http://backend/', ...options };
      for (const make of [() => new UpgradeAwareProxy(all), () => streamTranslator(all), () => streamTunnel(all)]) {
        assert.throws(make, { code: 'ERR_INVALID_ARGUMENT' });
      }
    });
  }
});

describe('ByteBudget', () => {
  it('gives a burst, then the rate, and no more than a burst after a pause', () => {
    const budget = new ByteBudget(1000, 0);
    assert.deepEqual([budget.take(500, 0), budget.take(500, 0)], [100, 0]);
    assert.equal(budget.delay(50), 50);
    assert.equal(budget.take(500, 50), 50);
    assert.equal(budget.take(500, 60_000), 100);
    assert.equal(budget.delay(1_000_000), 100);
  });

  it('passes single bytes at rates below one per second', () => {
    const budget = new ByteBudget(0.5, 0);
    assert.equal(budget.take(10, 0), 1);
    assert.equal(budget.delay(10), 2000);
    assert.deepEqual([budget.take(10, 1999), budget.take(10, 2000)], [0, 1]);
  });
});
