import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureDetail } from '../../../src/carrier/failure-detail.js';

test('is what was said, on one line', () => {
  assert.equal(failureDetail(new Error('certificate required\n')), 'certificate required');
  assert.equal(failureDetail('text'), 'text');
  assert.equal(failureDetail(new AggregateError([new Error('a')], 'gathered')), 'gathered');
});

test('of several addresses that were tried, each failure, once', () => {
  const errors = ['connect ECONNREFUSED ::1:1', 'connect ECONNREFUSED 127.0.0.1:1', 'connect ECONNREFUSED ::1:1'];
  const gathered = new AggregateError(errors.map((message) => new Error(message)));
  assert.equal(failureDetail(gathered), 'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
});
