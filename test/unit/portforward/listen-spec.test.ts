import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddresses, parsePortSpecs, type PortSpec } from '../../../src/portforward/listen-spec.js';

const INVALID = { code: 'ERR_INVALID_ARGUMENT' };

describe('parsePortSpecs', () => {
  it('takes numbers and pairs, one or several', () => {
    assert.deepEqual(parsePortSpecs(5000), [{ local: 5000, remote: 5000 }]);
    assert.deepEqual(parsePortSpecs({ remote: 80 }), [{ local: 80, remote: 80 }]);
    assert.deepEqual(parsePortSpecs([{ local: 0, remote: 80 }, '8443:443', 22]), [
      { local: 0, remote: 80 },
      { local: 8443, remote: 443 },
      { local: 22, remote: 22 },
    ]);
  });

  const wrong: readonly PortSpec[] = ['80 ', '+80', '0x50', '8e1', '', ':', '1:2:3', -1, 1.5, 65_536, Number.NaN, 0];
  for (const spec of wrong) {
    it(`refuses ${JSON.stringify(spec)}`, () => assert.throws(() => parsePortSpecs(spec), INVALID));
  }

  it('refuses no port at all, and what untyped callers give', () => {
    assert.throws(() => parsePortSpecs([]), INVALID);
    for (const text of ['null', 'true', '{}', '[null]', '{"remote":"80"}']) {
      const spec: PortSpec = JSON.parse(text);
      assert.throws(() => parsePortSpecs(spec), INVALID, text);
    }
  });
});

describe('parseAddresses', () => {
  it('takes one as it takes a list', () => {
    assert.deepEqual(parseAddresses('0.0.0.0'), parseAddresses(['0.0.0.0']));
    assert.deepEqual(parseAddresses('::'), [{ address: '::', family: 6, required: true }]);
  });

  it('counts an address that is named twice once', () => {
    assert.equal(parseAddresses(['127.0.0.1', '127.0.0.1']).length, 1);
  });

  for (const address of ['', 'example.com', '127.0.0.257', '::g', '127.1', '[::1]', 'LOCALHOST']) {
    it(`refuses ${JSON.stringify(address)}`, () => assert.throws(() => parseAddresses([address]), INVALID));
  }

  it('refuses none at all', () => assert.throws(() => parseAddresses([]), INVALID));
});
