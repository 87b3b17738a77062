import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HandshakeError, handshake, isUpgradeRequest } from '../../../src/index.js';
import { upgradeRequest } from '../../support/upgrade-request.js';

// The tables of k8s.io/streaming httpstream/httpstream_test.go.

const HEADER = 'X-Stream-Protocol-Version';

describe('handshake', () => {
  for (const [what, offered, server, expected] of [
    ['none', undefined, ['a'], 400],
    ['an empty header', '', ['a'], 400],
    ['only commas', ' , ,, ', ['a'], 400],
    ['disjoint', ['c', 'd'], ['a', 'b'], 403],
    ['disjoint, in one list', 'c, d', ['a', 'b'], 403],
    ['a server without protocols', 'a', [], 403],
    ['another case', 'A', ['a'], 403],
    ['one', 'a', ['a'], 'a'],
    ['a comma list', 'x, b ,a', ['a', 'b'], 'b'],
    ['repeated headers: the client chooses', ['z', 'b', 'a'], ['a', 'b'], 'b'],
    ['lists and repetition', ['z,y', 'x, a'], ['a', 'b'], 'a'],
  ] as const) {
    it(`${what}: ${expected}`, () => {
      const request = upgradeRequest(offered === undefined ? {} : { [HEADER]: offered });
      if (typeof expected === 'string') {
        assert.equal(handshake(request, server), expected);
        return;
      }
      assert.throws(
        () => handshake(request, server),
        (error) => {
          assert.ok(error instanceof HandshakeError);
          assert.equal(error.statusCode, expected);
          assert.equal(error.code, 'ERR_HANDSHAKE');
          assert.deepEqual(error.headers, expected === 403 ? { 'X-Accepted-Stream-Protocol-Versions': server } : {});
          return true;
        },
      );
    });
  }
});

describe('isUpgradeRequest', () => {
  for (const [what, headers, expected] of [
    ['no Connection', {}, false],
    ['Upgrade alone', { Upgrade: 'SPDY/3.1' }, false],
    ['another value', { Connection: 'keep-alive' }, false],
    ['the value', { Connection: 'Upgrade' }, true],
    ['any case', { Connection: 'uPGRADE' }, true],
    ['in a list', { Connection: 'keep-alive, upgrade' }, true],
    ['in a repeated header', { Connection: ['close', 'Upgrade'] }, true],
    ['as a part, as the original has it', { Connection: 'xupgradex' }, true],
  ] as const) {
    it(`${what}: ${expected}`, () => assert.equal(isUpgradeRequest(upgradeRequest(headers)), expected));
  }
});
