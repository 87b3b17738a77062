import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog } from '../../../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../../../src/push/log/settings.js';
import { OTHER, SELF, TestLog, THIRD } from './support.js';

/** A new pod with all that the log holds. */
function copyOf({ log }: TestLog, options: EventLogOptions = {}): TestLog {
  const copy = new TestLog({ origin: THIRD, ...options });
  for (const part of log.snapshot()) copy.log.adopt(part);
  return copy;
}

describe('a copy of a log', () => {
  it('serves the clients of the other from where they were', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.publish('a', '1');
    test.publish('b', '2');
    test.append(OTHER, 2, 'a');
    const client = test.follow('a', { start: 'start' });
    assert.equal(client.pull({ items: 2 }), 'b1 1');
    const copy = copyOf(test);
    assert.equal(copy.follow('a', { start: { cursor: client.cursor } }).rest(), 'b2');
    assert.equal(copy.follow('*', { start: { cursor: client.cursor } }).rest(), '2 b2');
    assert.deepEqual(copy.log.have(), new Map([...test.log.have(), [THIRD, 0]]));
  });
  it('gives nobody twice what came before a loss', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.publish('a', '1');
    test.append(OTHER, 2, 'a');
    test.publish('a', '2');
    test.log.appendLoss(OTHER, 5);
    const copy = copyOf(test);
    assert.equal(copy.follow('a', { start: { cursor: `${OTHER}5.${SELF}1` } }).rest(), '2');
  });
});

describe('EventLog', () => {
  it('takes over nothing once it has published', () => {
    const log = new EventLog();
    log.publish('a', '1');
    for (const part of new TestLog().log.snapshot()) assert.throws(() => log.adopt(part), /has published/);
  });
});
