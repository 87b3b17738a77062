import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWatchQuery, type WatchQuery } from '../../../../src/push/watch/query.js';
import { StatusFailure } from '../../../../src/push/watch/status.js';

const parse = (query: string): WatchQuery => parseWatchQuery(new URLSearchParams(query));

function refusal(query: string): StatusFailure {
  try {
    parse(query);
  } catch (error) {
    assert.ok(error instanceof StatusFailure);
    return error;
  }
  return assert.fail(`${query} was taken`);
}

describe('options of a list or watch', () => {
  it('have defaults', () => {
    assert.deepEqual(parse(''), {
      watch: false,
      resourceVersion: '',
      timeoutSeconds: undefined,
      allowWatchBookmarks: false,
      sendInitialEvents: undefined,
      limit: 0,
      continue: '',
    });
  });
  it('are true unless they are 0 or false', () => {
    for (const text of ['1', 'true', '', 'yes', 'TRUE']) assert.equal(parse(`watch=${text}`).watch, true, text);
    for (const text of ['0', 'false', 'False', 'FALSE']) assert.equal(parse(`watch=${text}`).watch, false, text);
  });
  it('take whole numbers only', () => {
    assert.equal(parse('timeoutSeconds=30').timeoutSeconds, 30);
    assert.equal(parse('timeoutSeconds=0').timeoutSeconds, undefined);
    assert.equal(parse('limit=500').limit, 500);
    for (const text of ['-1', '1.5', 'x', '1e3', '9'.repeat(16), '9'.repeat(99)]) {
      for (const name of ['timeoutSeconds', 'limit']) assert.equal(refusal(`${name}=${text}`).status.code, 400, text);
    }
  });
  // As ValidateListOptions of apimachinery has them.
  for (const [query, field, text] of [
    [
      'watch=1&resourceVersionMatch=NotOlderThan',
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    ],
    [
      'watch=1&sendInitialEvents=true',
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ],
    [
      'watch=1&sendInitialEvents=false&resourceVersionMatch=Exact',
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ],
    ['sendInitialEvents=true', 'sendInitialEvents', 'sendInitialEvents is forbidden for list'],
    [
      'resourceVersionMatch=NotOlderThan',
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      'resourceVersion=1&resourceVersionMatch=NotOlderThan&continue=x',
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden when continue is provided',
    ],
    ['watch=1&continue=x', 'continue', 'continue is forbidden for watch'],
  ] as const) {
    it(`${query} is invalid`, () => {
      const { status } = refusal(query);
      assert.deepEqual(
        [status.code, status.reason, status.message],
        [422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: ${field}: Forbidden: ${text}`],
      );
      assert.deepEqual(status.details?.causes, [
        { reason: 'FieldValueForbidden', message: `Forbidden: ${text}`, field },
      ]);
    });
  }
  it('know no exact match', () => {
    const { status } = refusal('resourceVersion=1&resourceVersionMatch=Exact');
    assert.deepEqual([status.code, status.details?.causes?.[0]?.reason], [422, 'FieldValueNotSupported']);
  });
  it('allow initial events with the match they need', () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    assert.deepEqual(
      [parse(query).sendInitialEvents, parse(query.replace('=true', '=false')).sendInitialEvents],
      [true, false],
    );
  });
  it('take the cursor by the name that other transports have for it, and not two', () => {
    assert.equal(parse('watch=1&cursor=abc').resourceVersion, 'abc');
    assert.equal(parse('watch=1&cursor=&resourceVersion=abc').resourceVersion, 'abc');
    assert.equal(parse('cursor=abc&resourceVersion=abc').resourceVersion, 'abc');
    assert.equal(refusal('watch=1&cursor=abc&resourceVersion=0').status.code, 400);
  });
  it('refuse selectors instead of ignoring them', () => {
    assert.equal(refusal('fieldSelector=metadata.name%3Da').status.code, 400);
    assert.equal(refusal('labelSelector=a').status.code, 400);
    assert.equal(parse('fieldSelector=&labelSelector=').watch, false);
  });
  it('take a version beside a page only where it says nothing', () => {
    assert.equal(refusal('continue=x&resourceVersion=5').status.code, 400);
    assert.equal(parse('continue=x&resourceVersion=0').continue, 'x');
  });
});
