import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../../../src/push/log/settings.js';
import { OTHER, SELF, TestLog, THIRD } from './support.js';

/** A new pod with all that the log holds. */
function copyOf({ log }: TestLog, options: EventLogOptions = {}): TestLog {
  const copy = new TestLog({ origin: THIRD, ...options });
  log.meet(copy.log.origin);
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

describe('losses in a copy', () => {
  it('stand where they stood, so that what came before them is given first', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.append(OTHER, 2, 'a');
    test.log.appendLoss(OTHER, 5);
    test.append(OTHER, 6, 'a');
    test.publish('a', '1');
    const copy = copyOf(test);
    const client = copy.follow('a', { start: 'start' });
    assert.equal(client.pull({ items: 1 }), 'b1');
    const { cursor } = client;
    assert.equal(client.rest(), `b2 <lost ${OTHER}:2-5> b6 1`);
    // On either pod, and on a copy of the copy.
    const again = copyOf(copy, { origin: 'yyyyyyyy' });
    test.log.meet(again.log.origin);
    for (const pod of [test, copy, again]) {
      assert.equal(pod.follow('a', { start: { cursor } }).rest(), `b2 <lost ${OTHER}:2-5> b6 1`);
    }
    assert.equal(copy.log.haveOf(OTHER), 6);
  });
  it('of one stream stay on that stream', () => {
    const test = new TestLog({ limits: { maxEventBytes: 4 } });
    test.append(OTHER, 1, 'a');
    test.log.append({ origin: OTHER, n: 2, stream: 'b', type: 'message', data: 'too large', age: 0 });
    const copy = copyOf(test);
    assert.equal(copy.follow('a', { start: 'start' }).rest(), 'b1');
    assert.equal(copy.follow('b', { start: 'start' }).rest(), `<lost ${OTHER}:1-2>`);
    assert.equal(copy.follow('b', { start: { cursor: `${OTHER}1` } }).rest(), `<lost ${OTHER}:1-2>`);
  });
  it('are told to those who come back to a stream that had nothing', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.log.appendLoss(OTHER, 5);
    const copy = copyOf(test);
    assert.equal(copy.follow('quiet', { start: { cursor: `${OTHER}1` } }).rest(), `<expired ${OTHER}:1-5>`);
  });
  it('that cannot be are refused', () => {
    const { log } = new TestLog();
    const good = { origin: OTHER, n: 3, stream: 'a', type: 'gap', data: '1', key: undefined, age: 0 };
    const bad: readonly object[] = [
      { origin: SELF },
      { n: 1 },
      { n: 2.5 },
      { data: 'x' },
      { data: '-1' },
      { data: '3' },
      { stream: '*' },
      { age: -1 },
    ];
    for (const fields of bad) {
      const part = { streams: [], events: [{ ...good, ...fields }], have: [], last: false };
      assert.throws(() => log.adopt(part), InvalidArgumentError, JSON.stringify(fields));
    }
    assert.deepEqual([log.index, log.haveOf(OTHER)], [0, 0]);
  });
});

describe('a copy that is larger than the log', () => {
  it('leaves out what is too large, and says so', () => {
    const test = new TestLog();
    test.publish('a', '1', 'too large', '3');
    const copy = copyOf(test, { limits: { maxEventBytes: 4 } });
    assert.equal(copy.follow('a', { start: 'start' }).rest(), `1 <lost ${SELF}:1-2> 3`);
    assert.equal(copy.follow('a', { start: { cursor: `${SELF}1` } }).rest(), `<lost ${SELF}:1-2> 3`);
    assert.equal(copy.log.haveOf(SELF), 3);
  });
  it('keeps the newest within the bounds of bytes', () => {
    const test = new TestLog();
    for (let i = 1; i <= 40; i++) test.publish(`s${i % 4}`, `${i}`);
    const copy = copyOf(test, { limits: { budgetBytes: 1_500 } });
    assert.deepEqual(
      copy.log
        .history('*')
        .map(({ data }) => data)
        .at(-1),
      '40',
    );
    assert.ok(copy.log.stats().history.bytes <= 1_500);
    const rest = copy.follow('s0', { start: { cursor: `${SELF}8` } }).rest();
    assert.match(rest, new RegExp(`^<expired ${SELF}:8-\\d+>( \\d+)* 40$`));
  });
  it('lets streams go that there is no room for, and tells who comes back to them', () => {
    const test = new TestLog();
    for (let i = 1; i <= 20; i++) test.publish(`s${i}`, `${i}`);
    const copy = copyOf(test, { limits: { maxStreams: 4 } });
    assert.equal(copy.log.haveOf(SELF), 20);
    for (let i = 1; i <= 20; i++) {
      const client = copy.follow(`s${i}`, { start: { cursor: `${SELF}0` } });
      const told = client.rest();
      client.follower.end();
      assert.match(told, new RegExp(`<(expired|lost) ${SELF}:\\d+-(\\d+)>|^${i}$`), `s${i}`);
    }
  });
  it('evicts nothing that is followed, and never throws', () => {
    const test = new TestLog();
    for (let i = 1; i <= 20; i++) test.publish(`s${i}`, `${i}`);
    const copy = new TestLog({ origin: THIRD, limits: { maxStreams: 2 } });
    const followers = ['x', 'y'].map((name, at) => {
      copy.append(OTHER, at + 1, name);
      return copy.follow(name);
    });
    const all = copy.follow('*');
    for (const part of test.log.snapshot()) copy.log.adopt(part);
    assert.deepEqual(
      followers.map((follower) => follower.rest()),
      ['', ''],
    );
    assert.equal(all.rest().match(/<lost/g)?.length, 20);
    assert.equal(copy.log.haveOf(SELF), 20);
    assert.match(copy.follow('s7', { start: { cursor: `${SELF}3` } }).rest(), /<expired/);
  });
});

describe('a copy behind one that broke off', () => {
  it('tells of what the second has let go of', () => {
    const whole = new TestLog();
    whole.publish('a', '1', '2');
    whole.publish('b', '3');
    const small = copyOf(whole, { limits: { maxStreams: 1 } });
    const copy = new TestLog({ origin: 'yyyyyyyy' });
    const [streams] = whole.log.snapshot();
    assert.ok(streams !== undefined);
    copy.log.adopt(streams);
    for (const part of small.log.snapshot()) copy.log.adopt(part);
    assert.match(copy.follow('a', { start: { cursor: `${SELF}1` } }).rest(), /^<expired/);
  });
});

describe('origins', () => {
  it('that are met now and then are remembered however many others come and go', () => {
    const { log } = new TestLog({ history: { age: 1_000 } });
    log.meet(OTHER);
    log.append({ origin: OTHER, n: 1, stream: 'a', type: 'message', data: '', age: 1_000 });
    log.meet(THIRD);
    const names = Array.from({ length: 5_000 }, (_, i) => `${i}`.padStart(8, '0'));
    for (const [at, name] of names.entries()) {
      if (at % 1_000 === 0) log.meet(OTHER);
      log.append({ origin: name, n: 1, stream: 'a', type: 'message', data: '', age: 1_000 });
    }
    const have = log.have();
    assert.equal(have.size, 4_096);
    assert.deepEqual([have.get(SELF), have.get(OTHER), have.has(THIRD)], [0, 1, false]);
    assert.equal(log.append({ origin: OTHER, n: 2, stream: 'a', type: 'message', data: '', age: 0 }), 'appended');
  });
  it('count as quiet from when their last event has left', () => {
    const test = new TestLog({ history: { events: 1 } });
    test.append(OTHER, 1, 'a');
    for (let i = 0; i < 4_000; i++) test.log.meet(`${i}`.padStart(8, '0'));
    test.append(OTHER, 2, 'a');
    test.publish('a', 'and out it goes');
    for (let i = 4_000; i < 5_000; i++) test.log.meet(`${i}`.padStart(8, '0'));
    assert.equal(test.log.haveOf(OTHER), 2);
  });
});

describe('EventLog', () => {
  it('takes over nothing once it has published', () => {
    const log = new EventLog();
    log.publish('a', '1');
    for (const part of new TestLog().log.snapshot()) assert.throws(() => log.adopt(part), /has published/);
  });
});
