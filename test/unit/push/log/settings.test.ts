import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { isOrigin } from '../../../../src/push/log/cursor.js';
import {
  DEFAULT_HISTORY,
  DEFAULT_LOG_LIMITS,
  resolveLogOptions,
  type EventLogOptions,
} from '../../../../src/push/log/settings.js';

describe('options of an event log', () => {
  it('have defaults, each of which can be set alone', () => {
    const { history, limits, origin, expectsOrigin } = resolveLogOptions({});
    assert.deepEqual([history, limits], [DEFAULT_HISTORY, DEFAULT_LOG_LIMITS]);
    assert.ok(isOrigin(origin));
    assert.equal(expectsOrigin('aaaaaaaa'), false);
    assert.deepEqual(resolveLogOptions({ history: { events: 5 } }).history, { ...DEFAULT_HISTORY, events: 5 });
    assert.deepEqual(resolveLogOptions({ limits: { maxStreams: 5 } }).limits, { ...DEFAULT_LOG_LIMITS, maxStreams: 5 });
  });
  it('give each run another id, from the source of random numbers', () => {
    assert.notEqual(resolveLogOptions({}).origin, resolveLogOptions({}).origin);
    assert.equal(resolveLogOptions({ random: () => 0 }).origin, '00000000');
    assert.equal(resolveLogOptions({ origin: 'pod1run7' }).origin, 'pod1run7');
  });
  it('are refused when misspelt or out of range', () => {
    const bad: readonly object[] = [
      { histroy: {} },
      { origin: 'short' },
      { origin: 'with-dash' },
      { history: { event: 1 } },
      { history: { events: 0 } },
      { history: { age: Infinity } },
      { history: { bytes: 1.5 } },
      { history: { bytes: '5' } },
      { limits: { maxStreams: -1 } },
      { limits: { maxCursorOrigins: 1 } },
      { limits: { budget: 5 } },
    ];
    for (const options of bad) {
      assert.throws(() => resolveLogOptions(options as EventLogOptions), InvalidArgumentError, JSON.stringify(options));
    }
  });
});
