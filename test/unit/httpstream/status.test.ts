import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureStatus } from '../../../src/index.js';
import { parseStatus } from '../../../src/httpstream/index.js';

describe('Status', () => {
  it('takes its reason from the code unless given', () => {
    assert.deepEqual(failureStatus(404, 'pods "p" not found'), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'pods "p" not found',
      reason: 'NotFound',
      code: 404,
    });
    assert.equal(failureStatus(418, 'x').reason, 'Unknown');
    assert.equal(failureStatus(409, 'x', 'AlreadyExists').reason, 'AlreadyExists');
    assert.deepEqual(failureStatus(429, 'x', undefined, { retryAfterSeconds: 5 }).details, { retryAfterSeconds: 5 });
  });

  it('is read back from text and bytes, and nothing else is taken for one', () => {
    const status = failureStatus(403, 'no');
    assert.deepEqual(parseStatus(JSON.stringify(status)), status);
    assert.deepEqual(parseStatus(Buffer.from(JSON.stringify(status))), status);
    for (const body of ['', 'text', '{}', '[]', 'null', '1', '{"kind":"Pod"}', '{"kind":'])
      assert.equal(parseStatus(body), undefined);
  });
});
