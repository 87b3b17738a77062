import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseWatchQuery } from '../../../../src/push/watch/query.js';
import { StatusFailure } from '../../../../src/push/watch/status.js';

const NAMES = [
  'watch',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'allowWatchBookmarks',
  'timeoutSeconds',
  'limit',
  'continue',
  'labelSelector',
];

describe('any query of a list or watch', () => {
  it('is taken or refused with a Status, and what is taken is in range', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.bigInt().map(String),
      fc.constantFrom('true', '0', '', 'NotOlderThan', 'Exact'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...NAMES), value)), (parameters) => {
        try {
          const query = parseWatchQuery(new URLSearchParams(parameters));
          assert.ok(Number.isSafeInteger(query.limit) && query.limit >= 0);
          assert.ok(query.timeoutSeconds === undefined || query.timeoutSeconds > 0);
          assert.ok(query.watch || query.sendInitialEvents === undefined);
        } catch (error) {
          assert.ok(error instanceof StatusFailure, String(error));
          assert.ok([400, 422].includes(error.status.code));
          assert.ok(JSON.stringify(error.status).length < 1000);
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
